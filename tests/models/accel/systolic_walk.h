// A systolic array element by element and cycle by cycle: registers that shift, nothing computed in
// closed form. What the formulas of models/accel are held against.
#pragma once

#include <cstdint>
#include <vector>

namespace terrace::walk {

using Matrix = std::vector<std::vector<std::int64_t>>;

struct Walked {
  std::int64_t cycles = 0;
  std::int64_t left_reads = 0, top_reads = 0, outputs = 0;  // elements through the edges
  Matrix result;
};

inline Matrix zeros(std::size_t rows, std::size_t columns) {
  return Matrix(rows, std::vector<std::int64_t>(columns, 0));
}

// held[rows][columns] is shifted in from the top, passing[stream][rows] enters at the left, sums
// leave below the last physical row: result[stream][columns].
inline Walked held(std::size_t R, std::size_t C, const Matrix& held, const Matrix& passing) {
  const std::size_t r = held.size(), c = held[0].size(), T = passing.size();
  Walked w;
  w.result = zeros(T, c);
  Matrix weight = zeros(R, C);
  for (std::size_t shift = 0; shift < r; ++shift) {  // one row of the tile a cycle
    for (std::size_t i = R - 1; i > 0; --i) weight[i] = weight[i - 1];
    for (std::size_t j = 0; j < C; ++j) weight[0][j] = j < c ? held[r - 1 - shift][j] : 0;
    w.top_reads += static_cast<std::int64_t>(c);
    ++w.cycles;
  }
  Matrix x = zeros(R, C), sum = zeros(R, C);  // what each element passes on at the end of a cycle
  std::size_t left = T * c;
  for (std::size_t cycle = 0; left > 0; ++cycle) {
    Matrix next_x = zeros(R, C), next_sum = zeros(R, C);
    for (std::size_t i = 0; i < R; ++i)
      for (std::size_t j = 0; j < C; ++j) {
        std::int64_t in = 0;
        if (j > 0) {
          in = x[i][j - 1];
        } else if (i < r && cycle >= i && cycle - i < T) {  // skewed by the row
          in = passing[cycle - i][i];
          ++w.left_reads;
        }
        next_x[i][j] = in;
        next_sum[i][j] = (i > 0 ? sum[i - 1][j] : 0) + in * weight[i][j];
      }
    x = next_x;
    sum = next_sum;
    ++w.cycles;
    for (std::size_t j = 0; j < c; ++j) {  // vector v leaves column j at the end of cycle v+R-1+j
      if (cycle + 1 < R + j || cycle + 1 - R - j >= T) continue;
      w.result[cycle + 1 - R - j][j] = sum[R - 1][j];
      ++w.outputs;
      --left;
    }
  }
  return w;
}

// a[rows][stream] enters at the left, b[stream][columns] at the top; then finished sums shift down
// and out: result[rows][columns].
inline Walked outputs_stay(std::size_t R, std::size_t C, const Matrix& a, const Matrix& b) {
  const std::size_t r = a.size(), K = b.size(), c = b[0].size();
  Walked w;
  w.result = zeros(r, c);
  Matrix x = zeros(R, C), y = zeros(R, C), sum = zeros(R, C);
  Matrix done = zeros(R, C);
  const auto finished = [&] {
    for (std::size_t i = 0; i < r; ++i)
      for (std::size_t j = 0; j < c; ++j)
        if (done[i][j] < static_cast<std::int64_t>(K)) return false;
    return true;
  };
  for (std::size_t cycle = 0; !finished(); ++cycle) {
    Matrix next_x = zeros(R, C), next_y = zeros(R, C);
    for (std::size_t i = 0; i < R; ++i)
      for (std::size_t j = 0; j < C; ++j) {
        std::int64_t in = j > 0 ? x[i][j - 1] : 0, down = i > 0 ? y[i - 1][j] : 0;
        if (j == 0 && i < r && cycle >= i && cycle - i < K) in = a[i][cycle - i], ++w.left_reads;
        if (i == 0 && j < c && cycle >= j && cycle - j < K) down = b[cycle - j][j], ++w.top_reads;
        next_x[i][j] = in;
        next_y[i][j] = down;
        sum[i][j] += in * down;
        if (i < r && j < c && cycle >= i + j && cycle - i - j < K) ++done[i][j];
      }
    x = next_x;
    y = next_y;
    ++w.cycles;
  }
  for (std::size_t shift = 0; shift < R; ++shift) {  // the bottom row leaves, all others move down
    const std::size_t row = R - 1 - shift;           // that it came from
    for (std::size_t j = 0; j < c; ++j)
      if (row < r) w.result[row][j] = sum[R - 1][j], ++w.outputs;
    for (std::size_t i = R - 1; i > 0; --i) sum[i] = sum[i - 1];
    ++w.cycles;
  }
  return w;
}

}  // namespace terrace::walk
