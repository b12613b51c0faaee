// Attention over everything that was, with a cache of floats: what every policy is compared with.
#pragma once

#include <vector>

#include "workloads/capture/attention_hook.h"

namespace terrace {

// out[queries][head_dim], `out_stride` floats apart, of one head: softmax(scale q k^T) v. Query i
// sees the first `visible + i` keys: the last of the queries sees them all when visible is
// keys - queries + 1.
void causal_attention(MatrixView q, MatrixView k, MatrixView v, float scale, std::int64_t visible,
                      float* out, std::int64_t out_stride);

class FullAttention final : public AttentionHook {
 public:
  void begin(const AttentionModel& model) override;
  void attend(const LayerTokens& in, float* out) override;

  MatrixView keys(std::int64_t layer, std::int64_t kv_head) const;  // post-RoPE
  MatrixView values(std::int64_t layer, std::int64_t kv_head) const;

 private:
  struct Head {
    std::vector<float> k, v;  // [tokens][head_dim]
  };
  const Head& head(std::int64_t layer, std::int64_t kv_head) const;
  MatrixView view(const std::vector<float>& rows) const;
  KvShape shape_;
  std::vector<Head> heads_;  // [layer][kv_head]
};

}  // namespace terrace
