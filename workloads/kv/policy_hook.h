// A policy in the place of a model's cache: every layer sees what the policy did to those below.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <stdexcept>
#include <vector>

#include "workloads/capture/attention_hook.h"
#include "workloads/kv/attention_trace.h"
#include "workloads/kv/policy_cache.h"

namespace terrace {

class PolicyHook final : public AttentionHook {
 public:
  // Tokens before `prompt` are prefill, all others decode: one by one, many at once where no layer
  // needs what those below did in the same step (couples_layers). 0: many at once are prefill, one
  // is decode. `calibration` and `tags` outlive the hook.
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
    shape_ = model.shape;
  }
  void attend(const LayerTokens& in, float* out) override {
    const std::int64_t last = in.positions[in.tokens - 1];
    const bool prefill = prompt_ > 0 ? last < prompt_ : in.tokens > 1;
    const bool ends = prefill && (prompt_ == 0 || last + 1 == prompt_);
    if (prefill || in.tokens == 1)
      cache_->attend(in, prefill ? Phase::prefill : Phase::decode, ends, out);
    else
      one_by_one(in, out);
  }
  const PolicyCache& cache() const { return *cache_; }

 private:
  // Decode steps of this layer: the next one sees what the policy made of the one before.
  void one_by_one(const LayerTokens& in, float* out) {
    if (cache_->couples_layers()) throw std::logic_error("decode steps of a policy over layers");
    const KvShape& s = shape_;
    const std::int64_t d = in.head_dim;
    const auto take = [&](const float* of, std::int64_t heads, std::int64_t t, auto& to) {
      to.resize(static_cast<std::size_t>(heads * d));
      for (std::int64_t h = 0; h < heads; ++h)
        std::copy_n(in.of_head(of, h).row(t), d, to.data() + h * d);
      return to.data();
    };
    for (std::int64_t t = 0; t < in.tokens; ++t) {
      LayerTokens one = in;
      one.tokens = 1;
      one.positions += t;
      one.q = take(in.q, s.heads, t, parts_[0]);
      one.k = take(in.k, s.kv_heads, t, parts_[1]);
      one.q_raw = take(in.q_raw, s.heads, t, parts_[2]);
      one.k_raw = take(in.k_raw, s.kv_heads, t, parts_[3]);
      one.v = take(in.v, s.kv_heads, t, parts_[4]);
      one.x += t * in.hidden;
      one.residual += t * in.hidden;
      cache_->attend(one, Phase::decode, false, out + t * s.heads * d);
    }
  }

  KvShape shape_;
  std::array<std::vector<float>, 5> parts_;  // of one token
  KvPolicy policy_;
  std::int64_t prompt_;
  std::uint64_t seed_;
  const AttentionTrace* calibration_;
  const std::uint8_t* tags_;
  std::unique_ptr<PolicyCache> cache_;
};

}  // namespace terrace
