// Facts hidden in a text and asked for at its end (the "needle in a haystack" of Kamradt, 2023,
// with many needles).
#include <algorithm>
#include <array>
#include <memory>
#include <stdexcept>

#include "sim/random.h"
#include "workloads/capture/llama_executor.h"
#include "workloads/kv/in_loop.h"
#include "workloads/kv/policy_hook.h"

namespace terrace {
namespace {

using Tokens = std::vector<std::int32_t>;

constexpr std::array<const char*, 16> names = {"Anna",  "Boris", "Clara", "David", "Elena", "Felix",
                                               "Greta", "Henry", "Irene", "James", "Karen", "Louis",
                                               "Maria", "Nigel", "Olive", "Peter"};

Tokens encode(const Tokenizer& tokenizer, const std::string& text) {
  Tokens tokens = tokenizer.encode(text);
  if (!tokens.empty() && tokens.front() == tokenizer.first_token()) tokens.erase(tokens.begin());
  return tokens;
}

}  // namespace

// The question is the beginning of the fact, and the answer what follows it there.
NeedleText::Needle NeedleText::needle_of(const Tokenizer& tokenizer, const std::string& name,
                                         std::int64_t digits) {
  const std::string asked = "\nThe code of " + name + " is", said = " " + std::to_string(digits);
  Needle n;
  n.fact = encode(tokenizer, asked + said + ".\n");
  n.asked = encode(tokenizer, asked + said);
  const Tokens question = encode(tokenizer, asked);
  while (n.answer < question.size() && n.answer < n.asked.size() &&
         n.asked[n.answer] == question[n.answer])
    ++n.answer;
  return n;
}

NeedleText::NeedleText(const LlamaModel& model, const Tokens& haystack,
                       const NeedleOptions& options)
    : options_(options) {
  const auto count = static_cast<std::size_t>(options.needles);
  if (count == 0 || count > names.size() ||
      haystack.size() < static_cast<std::size_t>(options.tokens) || options.tokens < 1)
    throw std::invalid_argument("needles: 1 to 16 of them, and as much text as is asked for");
  RandomStream random(options.seed, "needles");
  for (std::size_t i = 0; i < count; ++i)
    needles_.push_back(needle_of(*model.tokenizer, names[i], random.integer(1000, 9999)));
  const auto part = static_cast<std::size_t>(options.tokens) / (count + 1);
  for (std::size_t i = 0; i <= count; ++i) {
    prompt_.insert(prompt_.end(), haystack.begin() + static_cast<std::ptrdiff_t>(i * part),
                   haystack.begin() + static_cast<std::ptrdiff_t>((i + 1) * part));
    if (i < count) prompt_.insert(prompt_.end(), needles_[i].fact.begin(), needles_[i].fact.end());
  }
  shared_ = std::make_unique<SharedPrompt>(static_cast<std::int64_t>(prompt_.size()));
  LlamaExecutor executor(model, *shared_);
  executor.run(prompt_, LlamaExecutor::Logits::none);
  full_ = ask(executor, true);
  shared_->recorded();
}

NeedleQuality NeedleText::under(const LlamaModel& model, const KvPolicy& policy,
                                const AttentionTrace* calibration, bool full_prompt) const {
  const auto tokens = static_cast<std::int64_t>(prompt_.size());
  PolicyHook hook(policy, tokens, options_.seed, calibration);
  LlamaExecutor executor(model, hook);
  if (shared_->replay(hook, full_prompt)) {
    executor.resume(tokens);
  } else {
    executor.begin();
    executor.run(prompt_, LlamaExecutor::Logits::none);
  }
  return ask(executor, !hook.cache().couples_layers());
}

// `together`: the answers are known, so that a layer takes the steps of one at once.
NeedleQuality NeedleText::ask(LlamaExecutor& executor, bool together) const {
  NeedleQuality out;
  double right = 0, all = 0;
  for (const Needle& n : needles_) {
    std::vector<std::int32_t> said;  // after each token that is asked
    const std::size_t step = together ? n.asked.size() : 1;
    for (std::size_t at = 0; at < n.asked.size(); at += step) {
      const MatrixView logits = executor.run(n.asked.data() + at, static_cast<std::int64_t>(step),
                                             LlamaExecutor::Logits::all);
      for (std::int64_t i = 0; i < logits.rows; ++i)
        said.push_back(most_likely({logits.row(i), 1, logits.columns}));
    }
    double here = 0;
    for (std::size_t i = std::max<std::size_t>(1, n.answer); i < n.asked.size(); ++i)
      here += said[i - 1] == n.asked[i];
    const auto length = static_cast<double>(n.asked.size() - n.answer);
    out.by_depth.push_back(here / length);
    right += here;
    all += length;
  }
  out.recall = right / all;
  return out;
}

}  // namespace terrace
