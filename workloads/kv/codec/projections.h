// Keys (before RoPE) and values as products of a layer's input: by the model's weights, or, where
// they are not known, by the least-squares map from captured inputs.
#pragma once

#include "workloads/kv/codec/calibration_rows.h"
#include "workloads/kv/codec/linear_algebra.h"

namespace terrace {

// hidden × (keys of all heads, then values). Of the codec's own layer only: weights of the other
// layers are not handed to it, so that for them it is always the map.
inline Matrix input_to_kv(const KvCodec::Context& context, std::int64_t layer) {
  const KvShape& s = context.shape;
  const std::int64_t side = s.kv_heads * s.head_dim;
  const AttentionWeights& w = context.weights;
  if (layer == context.layer && !w.key.empty() && !w.value.empty()) {
    Matrix m(s.hidden, 2 * side);
    for (std::int64_t c = 0; c < side; ++c)
      for (std::int64_t i = 0; i < s.hidden; ++i) {
        m.at(i, c) = static_cast<double>(w.key.row(c)[i]);
        m.at(i, side + c) = static_cast<double>(w.value.row(c)[i]);
      }
    return m;
  }
  KvCodec::Context own = context;
  own.layer = layer;
  CodecSpan span;
  span.heads = span.both = span.before_rope = true;
  constexpr std::int64_t most_tokens = 2048;
  return least_squares(calibration_inputs(own, span, most_tokens).view(),
                       calibration_rows(own, span, most_tokens).view(), 1e-6);
}

inline void times(const float* x, const Matrix& m, float* y) {
  std::fill(y, y + m.cols, 0.0F);
  for (std::int64_t i = 0; i < m.rows; ++i)
    for (std::int64_t c = 0; c < m.cols; ++c) y[c] += x[i] * static_cast<float>(m.at(i, c));
}

}  // namespace terrace
