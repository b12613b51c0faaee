// Rows seen in the directions in which captured rows are longest: a truncated SVD.
#pragma once

#include <cmath>

#include "workloads/kv/codec/calibration_rows.h"
#include "workloads/kv/codec/linear_algebra.h"
#include "workloads/kv/number_formats.h"

namespace terrace {

// An orthonormal basis in fp16 (so that orthonormal to about 2^-11), strongest direction first.
class Subspace {
 public:
  Subspace() = default;
  explicit Subspace(const Eigen& e, std::int64_t rank) : basis_(rank, e.vectors.cols) {
    for (std::int64_t r = 0; r < rank; ++r)
      for (std::int64_t c = 0; c < basis_.cols; ++c)
        basis_.row(r)[c] = from_half(to_half(static_cast<float>(e.vectors.at(r, c))));
  }
  static Eigen strongest(RowsView rows) { return eigen_symmetric(gram(rows)); }
  // Directions that hold a share `kept` of the squares of the rows.
  static std::int64_t rank_for(const Eigen& e, double kept) {
    double all = 0, sum = 0;
    for (const double v : e.values) all += v;
    std::int64_t rank = 0;
    while (rank < static_cast<std::int64_t>(e.values.size()) && (rank == 0 || sum < kept * all))
      sum += e.values[static_cast<std::size_t>(rank++)];
    return rank;
  }
  std::int64_t rank() const { return basis_.rows; }
  double bytes() const { return 2 * static_cast<double>(basis_.data.size()); }
  void project(const float* x, float* y) const {
    for (std::int64_t r = 0; r < basis_.rows; ++r) {
      float sum = 0;
      for (std::int64_t c = 0; c < basis_.cols; ++c) sum += x[c] * basis_.row(r)[c];
      y[r] = sum;
    }
  }
  void restore(const float* y, float* x) const {
    std::fill(x, x + basis_.cols, 0.0F);
    for (std::int64_t r = 0; r < basis_.rows; ++r)
      for (std::int64_t c = 0; c < basis_.cols; ++c) x[c] += y[r] * basis_.row(r)[c];
  }

 private:
  Table basis_;
};

}  // namespace terrace
