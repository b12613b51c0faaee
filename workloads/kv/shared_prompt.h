// A prompt as the full cache takes it: what every layer is handed and what its attention gives,
// kept once. A policy that shows a prompt's own queries what the full cache shows them changes
// nothing before the first decode step, and need not have the model's products made again.
#pragma once

#include <memory>
#include <vector>

#include "workloads/capture/full_attention.h"

namespace terrace {

// The full cache, which keeps the layers' inputs and outputs of the first tokens.
class SharedPrompt final : public AttentionHook {
 public:
  // More than `most` bytes are not kept: replay() then says no.
  explicit SharedPrompt(std::int64_t tokens, double most = 2e9) : tokens_(tokens), most_(most) {}

  void begin(const AttentionModel& model) override;
  void attend(const LayerTokens& in, float* out) override;
  void recorded();  // nothing more will come: only the prompt is still needed

  // Hands the prompt to a hook that has just begun. False where its attention is not that of the
  // full cache: it then has to begin again. `sure`: it is known to be, and not asked for.
  bool replay(AttentionHook& hook, bool sure = false) const;

 private:
  struct Layer {
    std::vector<float> q, k, q_raw, k_raw, v;  // [heads][tokens][head_dim]
    std::vector<float> x, residual, out;       // [tokens][…]
  };
  std::int64_t tokens_;
  double most_;
  KvShape shape_;
  std::unique_ptr<FullAttention> full_;
  std::vector<std::int32_t> positions_;
  std::vector<Layer> layers_;
};

}  // namespace terrace
