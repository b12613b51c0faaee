// What generated prompts share: a system prompt in front, and what a conversation said before.
#pragma once

#include <cstdint>

#include "sim/random.h"
#include "sim/schema.h"
#include "workloads/requests/request.h"

namespace terrace {

struct PromptPrefix {
  std::int64_t tokens = 0;
  std::int64_t variants = 1;
  static void fields(Schema<PromptPrefix>& s) {
    s.field("tokens", &PromptPrefix::tokens,
            "system prompt put in front of every prompt, on top of its own length")
        .between(0, 1'000'000'000);
    s.field("variants", &PromptPrefix::variants, "different system prompts, each as likely")
        .between(1, 1'000'000'000);
  }
  std::int64_t draw(RandomStream& random) const {
    return variants == 1 ? 0 : random.integer(0, variants - 1);
  }
  // `conversation` names the text that follows; requests of one conversation share it.
  PromptContent content(std::int64_t variant, std::int64_t conversation, std::int64_t input) const {
    static const std::uint64_t systems = hash_text("system prompt");
    static const std::uint64_t conversations = hash_text("conversation");
    const std::uint64_t said = mix_bits(conversations, static_cast<std::uint64_t>(conversation));
    TextSpans texts;
    if (tokens > 0)
      texts.spans.push_back({mix_bits(systems, static_cast<std::uint64_t>(variant)), tokens});
    texts.spans.push_back({said, input - tokens});
    return texts;
  }
};

}  // namespace terrace
