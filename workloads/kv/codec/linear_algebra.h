// Dense linear algebra of the size that codecs are calibrated with: hundreds of channels.
#pragma once

#include <cstdint>
#include <vector>

#include "workloads/kv/rows.h"

namespace terrace {

// Row by row, in double.
struct Matrix {
  std::int64_t rows = 0, cols = 0;
  std::vector<double> data;

  Matrix() = default;
  Matrix(std::int64_t n, std::int64_t m)
      : rows(n), cols(m), data(static_cast<std::size_t>(n * m), 0.0) {}
  double* row(std::int64_t i) { return data.data() + i * cols; }
  const double* row(std::int64_t i) const { return data.data() + i * cols; }
  double& at(std::int64_t i, std::int64_t j) { return row(i)[j]; }
  double at(std::int64_t i, std::int64_t j) const { return row(i)[j]; }
};

Matrix gram(RowsView x);               // x^T x
Matrix cross(RowsView x, RowsView y);  // x^T y
Matrix product(const Matrix& a, const Matrix& b);

// Of a symmetric matrix: largest first, a row of `vectors` for each value, of length 1.
struct Eigen {
  std::vector<double> values;
  Matrix vectors;
};
Eigen eigen_symmetric(Matrix a);

// W of least |x W - y|^2 + ridge * mean(diagonal of x^T x) * |W|^2; x.cols × y.cols.
Matrix least_squares(RowsView x, RowsView y, double ridge = 1e-6);
Matrix solve_positive(Matrix a, Matrix b);  // a^-1 b by Cholesky; a: symmetric, positive

}  // namespace terrace
