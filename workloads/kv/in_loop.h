// What a policy does to a model's predictions: the model runs with the policy in the place of its
// cache, so that every layer sees the consequences of the layers below. The prompt's part is
// prefilled; every later token is a decode step with the true text before it.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "workloads/capture/llama_executor.h"
#include "workloads/capture/model.h"
#include "workloads/kv/attention_trace.h"
#include "workloads/kv/kv_policy.h"
#include "workloads/kv/shared_prompt.h"

namespace terrace {

struct InLoopOptions {
  std::int64_t prompt = 0;  // tokens prefilled; 0: half
  std::uint64_t seed = 0;
  const AttentionTrace* calibration = nullptr;
  // Decode steps that a layer takes before the next layer takes its first, where the policy lets
  // layers work apart: the same figures but for rounding, many times faster.
  std::int64_t together = 256;
  std::function<void(std::int64_t steps, std::int64_t all)> progress;  // may throw to end it
};

// Negative log-likelihoods, nats, of the true next tokens of a text, step by step.
using Losses = std::vector<double>;

// Means over the decode steps. Nats.
struct InLoopQuality {
  std::int64_t prompt = 0, steps = 0;
  Losses losses, full_losses;  // under the policy and the full cache
  double nll = 0, full_nll = 0;
  double divergence = 0;       // KL(full || policy) of the next-token distribution
  double agreement = 0;        // steps at which both rank the same token first
  double bytes_per_token = 0;  // held at the end, metadata too, over tokens seen
  bool full_prompt = false;    // the prompt's own attention was that of the full cache
  double perplexity() const;
  double full_perplexity() const;
};

// Mean of a - b over all texts, the steps being paired, and half the width of its 95 % confidence
// interval: Student's t over the means of `batch` steps each, since neighbours err alike (Conway,
// "Some tactical problems in digital simulation", Management Science 1963). Infinite below two.
struct MeanDifference {
  double mean = 0, half_width = 0;
  bool below() const { return mean + half_width < 0; }
  bool above() const { return mean - half_width > 0; }
};
MeanDifference mean_difference(const std::vector<const Losses*>& a,
                               const std::vector<const Losses*>& b, std::size_t batch = 32);

// What the full cache predicts of a text: made once for all policies that are held against it.
class FullPredictions {
 public:
  // Keeps the logits for each of tokens [prompt, count): 4 B x vocabulary x their number; and the
  // prompt.
  FullPredictions(const LlamaModel& model, const std::vector<std::int32_t>& tokens,
                  std::int64_t prompt);
  std::int64_t prompt() const { return prompt_; }
  const SharedPrompt& shared() const { return shared_; }
  const std::vector<std::int32_t>& tokens() const { return tokens_; }
  const float* logits(std::int64_t position) const {  // for the token after it
    return logits_.data() + (position - (prompt_ - 1)) * vocabulary_;
  }

 private:
  std::vector<std::int32_t> tokens_;
  std::int64_t prompt_, vocabulary_;
  SharedPrompt shared_;
  std::vector<float> logits_;
};

InLoopQuality run_in_loop(const LlamaModel& model, const KvPolicy& policy,
                          const FullPredictions& full, const InLoopOptions& options = {});

// Needles: facts of the form "The code of NAME is DIGITS." hidden in a text at even depths; then
// each is asked for. Share of the answers' tokens that are ranked first.
struct NeedleOptions {
  std::int64_t needles = 8, tokens = 2048;  // of the haystack
  std::uint64_t seed = 1;
};
struct NeedleQuality {
  double recall = 0;
  std::vector<double> by_depth;  // of the needle nearest to the start first
};

// A haystack with its needles, made once for all policies. Throws CaptureError past the model's
// context.
class NeedleText {
 public:
  NeedleText(const LlamaModel& model, const std::vector<std::int32_t>& haystack,
             const NeedleOptions& options = {});
  const NeedleQuality& full() const { return full_; }  // of the full cache
  NeedleQuality under(const LlamaModel& model, const KvPolicy& policy,
                      const AttentionTrace* calibration = nullptr,
                      bool full_prompt = false) const;  // known from run_in_loop

 private:
  struct Needle {
    std::vector<std::int32_t> fact, asked;  // a question and its answer
    std::size_t answer = 0;                 // where that begins
  };
  static Needle needle_of(const Tokenizer& tokenizer, const std::string& name, std::int64_t digits);
  NeedleQuality ask(LlamaExecutor& executor, bool together) const;

  NeedleOptions options_;
  std::vector<Needle> needles_;
  std::vector<std::int32_t> prompt_;
  std::unique_ptr<SharedPrompt> shared_;
  NeedleQuality full_;
};

}  // namespace terrace
