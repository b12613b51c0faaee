// A policy in the place of a model's cache: every layer sees what the policy did to those below.
#pragma once

#include <memory>

#include "workloads/capture/attention_hook.h"
#include "workloads/kv/attention_trace.h"
#include "workloads/kv/policy_cache.h"

namespace terrace {

class PolicyHook final : public AttentionHook {
 public:
  // Tokens before `prompt` are prefill, all others decode. 0: many at once are prefill, one is
  // decode. `calibration` and `tags` outlive the hook.
  explicit PolicyHook(KvPolicy policy, std::int64_t prompt = 0, std::uint64_t seed = 0,
                      const AttentionTrace* calibration = nullptr,
                      const std::uint8_t* tags = nullptr)
      : policy_(std::move(policy)),
        prompt_(prompt),
        seed_(seed),
        calibration_(calibration),
        tags_(tags) {}

  void begin(const AttentionModel& model) override {
    CacheSetup setup;
    setup.shape = model.shape;
    setup.weights = model.weights;
    setup.seed = seed_;
    setup.calibration = calibration_;
    setup.tags = tags_;
    cache_ = std::make_unique<PolicyCache>(policy_, std::move(setup));
  }
  void attend(const LayerTokens& in, float* out) override {
    const std::int64_t last = in.positions[in.tokens - 1];
    const bool prefill = prompt_ > 0 ? last < prompt_ : in.tokens > 1;
    const bool ends = prefill && (prompt_ == 0 || last + 1 == prompt_);
    cache_->attend(in, prefill ? Phase::prefill : Phase::decode, ends, out);
  }
  const PolicyCache& cache() const { return *cache_; }

 private:
  KvPolicy policy_;
  std::int64_t prompt_;
  std::uint64_t seed_;
  const AttentionTrace* calibration_;
  const std::uint8_t* tags_;
  std::unique_ptr<PolicyCache> cache_;
};

}  // namespace terrace
