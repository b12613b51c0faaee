// Captured rows as a codec will be shown them, and k-means on them.
#pragma once

#include <cstdint>
#include <vector>

#include "workloads/kv/codec/codec.h"

namespace terrace {

struct Table {
  std::int64_t rows = 0, cols = 0;
  std::vector<float> data;

  Table() = default;
  Table(std::int64_t n, std::int64_t m)
      : rows(n), cols(m), data(static_cast<std::size_t>(n * m), 0.0F) {}
  float* row(std::int64_t i) { return data.data() + i * cols; }
  const float* row(std::int64_t i) const { return data.data() + i * cols; }
  RowsView view() const { return {data.data(), rows, cols, cols}; }
  RowsRef ref() { return {data.data(), rows, cols, cols}; }
};

// Rows of the calibration text in the order of CodecBlock::rows, at most so many tokens, evenly
// chosen. Throws BuildError where there is no calibration or it lacks one of the layers.
Table calibration_rows(const KvCodec::Context& context, const CodecSpan& span,
                       std::int64_t most_tokens);
// Their layers' inputs, as CodecBlock::inputs.
Table calibration_inputs(const KvCodec::Context& context, const CodecSpan& span,
                         std::int64_t most_tokens);
// Queries of the KV head's group as rows, before RoPE where the span says so.
Table calibration_queries(const KvCodec::Context& context, bool before_rope,
                          std::int64_t most_tokens);

// Lloyd's k-means with k-means++ seeding (Arthur and Vassilvitskii, 2007): k × points.cols
// centroids. Fewer points than k: the points, repeated.
Table k_means(RowsView points, std::int64_t k, int iterations, std::uint64_t seed);
std::int64_t nearest_row(const Table& table, const float* point);  // of equals the first

}  // namespace terrace
