// Lengths for generators: drawn, with the system prompt in front, and inside the limits.
#pragma once

#include <cstdint>
#include <memory>

#include "sim/registry.h"
#include "workloads/requests/length_limits.h"
#include "workloads/requests/lengths/request_lengths.h"
#include "workloads/requests/prompt_prefix.h"

namespace terrace {

class Record;

enum class LongDraw : std::uint8_t { error, redraw };
template <>
struct EnumNames<LongDraw> {
  static constexpr std::pair<const char*, LongDraw> values[] = {{"error", LongDraw::error},
                                                                {"redraw", LongDraw::redraw}};
};

struct GeneratorParams : LengthLimits {
  Choice<RequestLengths> lengths;
  PromptPrefix prefix;
  LongDraw too_long = LongDraw::error;

  template <class P>
  static void fields(Schema<P>& s) {
    s.field("lengths", &P::lengths, "tokens of prompts and answers").required().not_empty();
    s.field("prefix", &P::prefix, "a system prompt that requests share");
    LengthLimits::fields(s);
    s.field("too_long", &P::too_long,
            "a draw above a limit is a mistake, or is counted and drawn again; none is ever cut");
  }
};

class GeneratedLengths {
 public:
  GeneratedLengths(const GeneratorParams& params, std::uint64_t seed);

  // The input includes the system prompt, and `said` tokens of the conversation so far; nothing is
  // returned where those alone leave no room, which ends the conversation. Throws BuildError
  // where a draw is too long and must not be repeated, or when 10,000 in a row are.
  std::optional<RequestLengths::Pair> draw(std::int64_t said = 0);
  void report(Record& record) const;

 private:
  GeneratorParams params_;
  std::unique_ptr<RequestLengths> lengths_;
  RandomStream random_;
  std::int64_t drawn_ = 0, redrawn_ = 0;
};

}  // namespace terrace
