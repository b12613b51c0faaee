// c[m x n] = a[m x k] b[n x k]^T, added to c where said: tensor cores for 16-bit numbers, a plain
// tile for floats. What stands in where cuBLASLt (cublas_lt.h) is not there.
#pragma once

#include "validate/cuda/kernels/attention_rows.h"

namespace terrace::cuda {

struct GemmArgs {
  Number number = Number::bf16;  // of a and b
  Number out = Number::bf16;     // of c
  const void* a = nullptr;       // [m][k]
  const void* b = nullptr;       // [n][k]
  void* c = nullptr;             // [m][n]
  int m = 0, n = 0, k = 0;       // 16-bit: k a multiple of 8
  bool add = false;
};

// Tiles of 64 x 64 x 64, four warps, a row of 16 each; two stages.
template <class T>
struct TensorGemm {
  static constexpr int threads = 128, side = 64, stages = 2;
  static constexpr std::size_t shared_bytes = std::size_t{2} * stages * side * side * sizeof(T);
  GemmArgs a;

  template <class Thread>
  TERRACE_BODY void operator()(Thread& t) const {
    const int column = t.x() * side, row = t.y() * side, steps = ceil_div(a.k, side);
    T* shared = reinterpret_cast<T*>(t.shared());
    float sum[side / 8][4] = {};
    load(t, shared, row, column, 0);
    t.commit();
    for (int s = 0; s < steps; ++s) {
      if (s + 1 < steps) load(t, shared + (s + 1) % stages * 2 * side * side, row, column, s + 1);
      t.commit();
      t.template wait<1>();
      t.sync();
      const T* left = shared + s % stages * 2 * side * side;
      const T* right = left + side * side;
      TERRACE_UNROLL
      for (int k = 0; k < side / 16; ++k) {
        std::uint32_t x[4];
        // Matrices of a: rows 0-7 and 8-15 of the first eight numbers, then of the next eight.
        t.load_matrices(
            x, left + tile_offset<side>(t.warp() * 16 + t.lane() % 16, 2 * k + t.lane() / 16));
        TERRACE_UNROLL
        for (int n = 0; n < side / 16; ++n) {
          std::uint32_t y[4];
          t.load_matrices(y, right + tile_offset<side>(16 * n + t.lane() / 16 * 8 + t.lane() % 8,
                                                       2 * k + t.lane() / 8 % 2));
          t.template multiply<T>(sum[2 * n], x, y[0], y[1]);
          t.template multiply<T>(sum[2 * n + 1], x, y[2], y[3]);
        }
      }
      t.sync();
    }
    TERRACE_UNROLL
    for (int i = 0; i < 4; ++i) TERRACE_UNROLL
    for (int n = 0; n < side / 8; ++n)
      store(row + t.warp() * 16 + t.lane() / 4 + i / 2 * 8,
            column + 8 * n + 2 * (t.lane() % 4) + i % 2, sum[n][i]);
  }

 private:
  template <class Thread>
  TERRACE_BODY void load(Thread& t, T* to, int row, int column, int step) const {
    for (int c = t.thread(); c < side * side / 8; c += threads) {
      const int r = c / (side / 8), chunk = c % (side / 8), k = step * side + chunk * 8;
      const bool left = row + r < a.m && k < a.k, right = column + r < a.n && k < a.k;
      T* at = to + tile_offset<side>(r, chunk);
      t.copy_async(at, static_cast<const T*>(a.a) + (left ? std::int64_t{row + r} * a.k + k : 0),
                   left);
      t.copy_async(at + side * side,
                   static_cast<const T*>(a.b) + (right ? std::int64_t{column + r} * a.k + k : 0),
                   right);
    }
  }
  TERRACE_BODY void store(int row, int column, float x) const {
    if (row >= a.m || column >= a.n) return;
    const std::int64_t at = std::int64_t{row} * a.n + column;
    if (a.out == Number::f32) {
      float* c = static_cast<float*>(a.c);
      c[at] = a.add ? c[at] + x : x;
    } else {
      T* c = static_cast<T*>(a.c);
      c[at] = from_float<T>(a.add ? to_float(c[at]) + x : x);
    }
  }
};

struct PlainGemm {  // floats; a tile of 16 x 16, a thread for each number
  static constexpr int threads = 256, side = 16;
  static constexpr std::size_t shared_bytes = sizeof(float) * 2 * side * (side + 1);
  GemmArgs a;

  template <class Thread>
  TERRACE_BODY void operator()(Thread& t) const {
    const int r = t.thread() / side, c = t.thread() % side;
    const int row = t.y() * side + r, column = t.x() * side + c, other = t.x() * side + r;
    float* left = reinterpret_cast<float*>(t.shared());
    float* right = left + side * (side + 1);
    float sum = 0;
    for (int k = 0; k < a.k; k += side) {
      const bool inside = k + c < a.k;
      left[r * (side + 1) + c] =
          inside && row < a.m ? static_cast<const float*>(a.a)[std::int64_t{row} * a.k + k + c] : 0;
      right[r * (side + 1) + c] =
          inside && other < a.n ? static_cast<const float*>(a.b)[std::int64_t{other} * a.k + k + c]
                                : 0;
      t.sync();
      for (int i = 0; i < side; ++i) sum += left[r * (side + 1) + i] * right[c * (side + 1) + i];
      t.sync();
    }
    if (row >= a.m || column >= a.n) return;
    float& to = static_cast<float*>(a.c)[std::int64_t{row} * a.n + column];
    to = a.add ? to + sum : sum;
  }
};

template <class Launcher>
void launch_with(Launcher& to, const GemmArgs& a) {
  with_number(a.number, [&](auto number) {
    using T = decltype(number);
    if constexpr (sizeof(T) == 2) {
      using Kernel = TensorGemm<T>;
      to.launch("gemm",
                {ceil_div(a.n, int{Kernel::side}), ceil_div(a.m, int{Kernel::side}), 1,
                 Kernel::threads, Kernel::shared_bytes},
                Kernel{a});
    } else {
      using Kernel = PlainGemm;
      to.launch("gemm_plain",
                {ceil_div(a.n, int{Kernel::side}), ceil_div(a.m, int{Kernel::side}), 1,
                 Kernel::threads, Kernel::shared_bytes},
                Kernel{a});
    }
  });
}

}  // namespace terrace::cuda
