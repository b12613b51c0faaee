// Facts hidden in a text and asked for at its end (the "needle in a haystack" of Kamradt, 2023,
// with many needles).
#include <algorithm>
#include <array>
#include <memory>
#include <stdexcept>

#include "sim/random.h"
#include "workloads/capture/full_attention.h"
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

struct Needle {
  Tokens fact, question, answer;
};

// The question is the beginning of the fact, and the answer what follows it there.
Needle needle_of(const Tokenizer& tokenizer, const std::string& name, std::int64_t digits) {
  const std::string asked = "\nThe code of " + name + " is", said = " " + std::to_string(digits);
  Needle n;
  n.fact = encode(tokenizer, asked + said + ".\n");
  const Tokens whole = encode(tokenizer, asked + said);
  n.question = encode(tokenizer, asked);
  std::size_t same = 0;
  while (same < n.question.size() && same < whole.size() && whole[same] == n.question[same]) ++same;
  n.question.resize(same);
  n.answer.assign(whole.begin() + static_cast<std::ptrdiff_t>(same), whole.end());
  return n;
}

}  // namespace

NeedleQuality find_needles(const LlamaModel& model, const KvPolicy* policy, const Tokens& haystack,
                           const NeedleOptions& options) {
  const auto count = static_cast<std::size_t>(options.needles);
  if (count == 0 || count > names.size() ||
      haystack.size() < static_cast<std::size_t>(options.tokens) || options.tokens < 1)
    throw std::invalid_argument("needles: 1 to 16 of them, and as much text as is asked for");
  RandomStream random(options.seed, "needles");
  std::vector<Needle> needles;
  for (std::size_t i = 0; i < count; ++i)
    needles.push_back(needle_of(*model.tokenizer, names[i], random.integer(1000, 9999)));
  Tokens prompt;
  const auto part = static_cast<std::size_t>(options.tokens) / (count + 1);
  for (std::size_t i = 0; i <= count; ++i) {
    prompt.insert(prompt.end(), haystack.begin() + static_cast<std::ptrdiff_t>(i * part),
                  haystack.begin() + static_cast<std::ptrdiff_t>((i + 1) * part));
    if (i < count) prompt.insert(prompt.end(), needles[i].fact.begin(), needles[i].fact.end());
  }
  std::unique_ptr<AttentionHook> hook;
  bool together = true;  // the answers are known: their steps are taken layer by layer
  if (policy != nullptr)
    hook = std::make_unique<PolicyHook>(*policy, static_cast<std::int64_t>(prompt.size()),
                                        options.seed, options.calibration);
  else
    hook = std::make_unique<FullAttention>();
  LlamaExecutor executor(model, *hook);
  if (policy != nullptr) together = !static_cast<const PolicyHook&>(*hook).cache().couples_layers();
  executor.run(prompt, LlamaExecutor::Logits::none);
  NeedleQuality out;
  double right = 0, all = 0;
  for (const Needle& n : needles) {
    Tokens asked = n.question;
    asked.insert(asked.end(), n.answer.begin(), n.answer.end());
    std::vector<std::int32_t> said;  // after each token of `asked`
    const std::size_t step = together ? asked.size() : 1;
    for (std::size_t at = 0; at < asked.size(); at += step) {
      const MatrixView logits = executor.run(asked.data() + at, static_cast<std::int64_t>(step),
                                             LlamaExecutor::Logits::all);
      for (std::int64_t i = 0; i < logits.rows; ++i)
        said.push_back(most_likely({logits.row(i), 1, logits.columns}));
    }
    double here = 0;
    for (std::size_t i = 0; i < n.answer.size(); ++i)
      here += said[n.question.size() - 1 + i] == n.answer[i] ? 1 : 0;
    out.by_depth.push_back(here / static_cast<double>(n.answer.size()));
    right += here;
    all += static_cast<double>(n.answer.size());
  }
  out.recall = right / all;
  return out;
}

}  // namespace terrace
