// Where attention and KV cache of a running model are done: by the full cache, or by a policy that
// takes its place.
#pragma once

#include "workloads/capture/attention_shape.h"

namespace terrace {

// What a layer hands over for its new tokens. Head-wise matrices are [heads][tokens][head_dim], so
// that one head is tokens x head_dim without a gap; q belongs to `heads`, k and v to `kv_heads`.
// Everything is valid until attend() returns.
struct LayerTokens {
  std::int64_t layer = 0, tokens = 0;
  const std::int32_t* positions = nullptr;         // ascending; of each new token
  const float *q = nullptr, *k = nullptr;          // post-RoPE
  const float *q_raw = nullptr, *k_raw = nullptr;  // pre-RoPE
  const float* v = nullptr;
  const float* x = nullptr;         // [tokens][hidden]: the layer's input after its norm
  const float* residual = nullptr;  // [tokens][hidden]: before it
  std::int64_t head_dim = 0, hidden = 0;

  MatrixView of_head(const float* of, std::int64_t head) const {  // of q, k, q_raw, k_raw or v
    return {of + head * tokens * head_dim, tokens, head_dim};
  }
};

class AttentionHook {
 public:
  virtual ~AttentionHook() = default;
  // A new sequence: whatever was cached is forgotten. Comes before every attend().
  virtual void begin(const AttentionModel& model) = 0;
  // Caches the new tokens and writes their attention output, [tokens][heads][head_dim]. Called for
  // layer 0, 1, … of the same tokens; many tokens are a prefill (or a chunk of it), one is a decode
  // step. Causal: a token sees itself and what came before.
  virtual void attend(const LayerTokens& in, float* out) = 0;
  virtual void step_end() {}  // every layer of these tokens is done
};

}  // namespace terrace
