// Causal attention by blocks of queries.
#include "workloads/capture/full_attention.h"

#include <algorithm>

#include "workloads/capture/blas.h"
#include "workloads/capture/vector_kernels.h"
#include "workloads/capture/workers.h"

namespace terrace {

namespace {

void softmax(float* row, std::int64_t n) {
  const float inverse = 1 / exponentials(row, n, largest(row, n));
  for (std::int64_t i = 0; i < n; ++i) row[i] *= inverse;
}

}  // namespace

void causal_attention(MatrixView q, MatrixView k, MatrixView v, float scale, std::int64_t visible,
                      float* out, std::int64_t out_stride) {
  constexpr std::int64_t block = 128;  // queries at a time: the scores stay in the cache
  std::vector<float> scores(
      static_cast<std::size_t>(std::min(block, q.rows) * std::min(k.rows, visible + q.rows - 1)));
  for (std::int64_t first = 0; first < q.rows; first += block) {
    const std::int64_t count = std::min(block, q.rows - first);
    const std::int64_t seen = std::min(k.rows, visible + first + count - 1);
    multiply_by_rows(count, seen, q.columns, {q.row(first), q.columns}, {k.data, k.columns},
                     scores.data(), seen, scale);
    for (std::int64_t i = 0; i < count; ++i) {
      float* row = scores.data() + i * seen;
      const std::int64_t own = std::min(seen, visible + first + i);
      softmax(row, own);
      std::fill(row + own, row + seen, 0.0F);
    }
    multiply(count, v.columns, seen, {scores.data(), seen}, {v.data, v.columns},
             out + first * out_stride, out_stride);
  }
}

void FullAttention::begin(const AttentionModel& model) {
  shape_ = model.shape;
  heads_.assign(static_cast<std::size_t>(shape_.layers * shape_.kv_heads), {});
}

const FullAttention::Head& FullAttention::head(std::int64_t layer, std::int64_t kv_head) const {
  return heads_[static_cast<std::size_t>(layer * shape_.kv_heads + kv_head)];
}
MatrixView FullAttention::view(const std::vector<float>& rows) const {
  return {rows.data(), static_cast<std::int64_t>(rows.size()) / shape_.head_dim, shape_.head_dim};
}
MatrixView FullAttention::keys(std::int64_t layer, std::int64_t kv_head) const {
  return view(head(layer, kv_head).k);
}
MatrixView FullAttention::values(std::int64_t layer, std::int64_t kv_head) const {
  return view(head(layer, kv_head).v);
}

void FullAttention::attend(const LayerTokens& in, float* out) {
  for (std::int64_t g = 0; g < shape_.kv_heads; ++g) {
    Head& cache = heads_[static_cast<std::size_t>(in.layer * shape_.kv_heads + g)];
    const MatrixView k = in.of_head(in.k, g), v = in.of_head(in.v, g);
    cache.k.insert(cache.k.end(), k.data, k.data + k.size());
    cache.v.insert(cache.v.end(), v.data, v.data + v.size());
  }
  const std::int64_t seen = keys(in.layer, 0).rows;
  const std::int64_t work = in.tokens * seen * shape_.head_dim;  // of a head, in products
  share_out_range(shape_.heads, 1 + (1 << 22) / work, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t h = first; h < last; ++h)
      causal_attention(in.of_head(in.q, h), keys(in.layer, shape_.kv_head(h)),
                       values(in.layer, shape_.kv_head(h)), shape_.scale, seen - in.tokens + 1,
                       out + h * shape_.head_dim, shape_.heads * shape_.head_dim);
  });
}

}  // namespace terrace
