// Views of rows of floats with a stride: what the policies look at. Nothing is owned here.
#pragma once

#include <cstdint>

#include "workloads/capture/attention_shape.h"

namespace terrace {

struct RowsView {
  const float* data = nullptr;
  std::int64_t rows = 0, cols = 0, stride = 0;  // floats from one row to the next

  RowsView() = default;
  RowsView(const float* from, std::int64_t n, std::int64_t width, std::int64_t step)
      : data(from), rows(n), cols(width), stride(step) {}
  RowsView(const MatrixView& m)  // NOLINT(google-explicit-constructor): the same rows, no gap
      : data(m.data), rows(m.rows), cols(m.columns), stride(m.columns) {}
  const float* row(std::int64_t i) const { return data + i * stride; }
  float at(std::int64_t i, std::int64_t j) const { return data[i * stride + j]; }
  bool empty() const { return data == nullptr || rows == 0; }
  RowsView from(std::int64_t first, std::int64_t count) const {
    return {data + first * stride, count, cols, stride};
  }
};

struct RowsRef {
  float* data = nullptr;
  std::int64_t rows = 0, cols = 0, stride = 0;

  float* row(std::int64_t i) const { return data + i * stride; }
  float& at(std::int64_t i, std::int64_t j) const { return data[i * stride + j]; }
  operator RowsView() const { return {data, rows, cols, stride}; }
};

// The kernels read rows in whole vectors: 16 floats, the rest zero.
inline constexpr std::int64_t lane = 16;
constexpr std::int64_t whole_lanes(std::int64_t n) { return (n + lane - 1) / lane * lane; }

}  // namespace terrace
