// A block's own low-rank part, found where it is stored: x is about a b^T.
#pragma once

#include <cmath>

#include "sim/random.h"
#include "workloads/kv/codec/calibration_rows.h"

namespace terrace {

// Columns of length 1 at right angles; a column of nothing else becomes 0.
inline void orthonormal_columns(Table& b) {
  for (std::int64_t r = 0; r < b.cols; ++r) {
    for (std::int64_t before = 0; before < r; ++before) {
      float dot = 0;
      for (std::int64_t c = 0; c < b.rows; ++c) dot += b.row(c)[r] * b.row(c)[before];
      for (std::int64_t c = 0; c < b.rows; ++c) b.row(c)[r] -= dot * b.row(c)[before];
    }
    float norm = 0;
    for (std::int64_t c = 0; c < b.rows; ++c) norm += b.row(c)[r] * b.row(c)[r];
    norm = std::sqrt(norm);
    for (std::int64_t c = 0; c < b.rows; ++c) b.row(c)[r] = norm > 0 ? b.row(c)[r] / norm : 0;
  }
}

// b: an orthonormal basis of the strongest directions of x's rows; a = x b.
inline void power_iteration(const Table& x, std::int64_t rank, std::int64_t iterations,
                            std::uint64_t seed, Table& a, Table& b) {
  a = Table(x.rows, rank);
  b = Table(x.cols, rank);
  RandomStream random(seed, "power iteration");
  for (float& each : b.data) each = static_cast<float>(random.normal());
  for (std::int64_t i = 0; i <= iterations; ++i) {
    orthonormal_columns(b);
    for (std::int64_t t = 0; t < x.rows; ++t)
      for (std::int64_t r = 0; r < rank; ++r) {
        float sum = 0;
        for (std::int64_t c = 0; c < x.cols; ++c) sum += x.row(t)[c] * b.row(c)[r];
        a.row(t)[r] = sum;
      }
    if (i == iterations) break;
    std::fill(b.data.begin(), b.data.end(), 0.0F);
    for (std::int64_t t = 0; t < x.rows; ++t)
      for (std::int64_t c = 0; c < x.cols; ++c)
        for (std::int64_t r = 0; r < rank; ++r) b.row(c)[r] += x.row(t)[c] * a.row(t)[r];
  }
}

}  // namespace terrace
