// Sixteen query rows of a warp against tiles of keys and values in shared memory: scores, online
// softmax and weighted sum by tensor cores, fp32 in between.
// Source: Dao, "FlashAttention-2", arXiv 2307.08691, section 3.1.
// State: the rows' queries, the sum so far, its largest score and its weight.
#pragma once

#include "validate/cuda/kernels/portable.h"

namespace terrace::cuda {

inline constexpr float log2_e = 1.4426950408889634F;

// A tile's rows are `D` 16-bit numbers; chunks of 16 bytes are turned by the row so that the eight
// rows that ldmatrix reads at once lie in different banks.
template <int D>
TERRACE_BOTH constexpr int tile_offset(int row, int chunk) {  // in numbers
  return row * D + ((chunk ^ (row & 7)) * 8);
}

template <class T, int D>
struct AttentionRows {
  static_assert(D % 64 == 0, "eight chunks of a row are turned");
  std::uint32_t q[D / 16][4];
  float o[D / 8][4];
  float largest[2], weight[2];  // of rows lane / 4 and lane / 4 + 8

  // `row0` and `row1`: this lane's two rows; null where there is none.
  template <class Thread>
  TERRACE_BODY TERRACE_INLINE void begin(Thread& t, const T* row0, const T* row1) {
    const int pair = 2 * (t.lane() % 4);
    TERRACE_UNROLL
    for (int k = 0; k < D / 16; ++k) {
      q[k][0] = two(row0, 16 * k + pair);
      q[k][1] = two(row1, 16 * k + pair);
      q[k][2] = two(row0, 16 * k + pair + 8);
      q[k][3] = two(row1, 16 * k + pair + 8);
    }
    TERRACE_UNROLL
    for (int n = 0; n < D / 8; ++n) o[n][0] = o[n][1] = o[n][2] = o[n][3] = 0;
    largest[0] = largest[1] = -INFINITY;
    weight[0] = weight[1] = 0;
  }

  // N tokens; this lane's row i sees the first visible[i] of them. `scale`: of scores, times log2
  // e.
  template <int N, class Thread>
  TERRACE_BODY TERRACE_INLINE void absorb(Thread& t, const T* keys, const T* values,
                                          const int (&visible)[2], float scale) {
    const int lane = t.lane();
    float s[N / 8][4];
    TERRACE_UNROLL
    for (int n = 0; n < N / 8; ++n) s[n][0] = s[n][1] = s[n][2] = s[n][3] = 0;
    TERRACE_UNROLL
    for (int k = 0; k < D / 16; ++k) {
      TERRACE_UNROLL
      for (int n = 0; n < N / 16; ++n) {
        std::uint32_t b[4];
        t.load_matrices(
            b, keys + tile_offset<D>(16 * n + lane / 16 * 8 + lane % 8, 2 * k + lane / 8 % 2));
        t.template multiply<T>(s[2 * n], q[k], b[0], b[1]);
        t.template multiply<T>(s[2 * n + 1], q[k], b[2], b[3]);
      }
    }
    soften<N>(t, s, visible, scale);
    TERRACE_UNROLL
    for (int k = 0; k < N / 16; ++k) {
      const std::uint32_t p[4] = {pack_two<T>(s[2 * k][0], s[2 * k][1]),
                                  pack_two<T>(s[2 * k][2], s[2 * k][3]),
                                  pack_two<T>(s[2 * k + 1][0], s[2 * k + 1][1]),
                                  pack_two<T>(s[2 * k + 1][2], s[2 * k + 1][3])};
      TERRACE_UNROLL
      for (int d = 0; d < D / 16; ++d) {
        std::uint32_t b[4];
        t.load_transposed(
            b, values + tile_offset<D>(16 * k + lane / 8 % 2 * 8 + lane % 8, 2 * d + lane / 16));
        t.template multiply<T>(o[2 * d], p, b[0], b[1]);
        t.template multiply<T>(o[2 * d + 1], p, b[2], b[3]);
      }
    }
  }

  // Weights of the four lanes that share a row become their sum.
  template <class Thread>
  TERRACE_BODY TERRACE_INLINE void finish(Thread& t) {
    TERRACE_UNROLL
    for (int i = 0; i < 2; ++i) {
      weight[i] += t.shuffle_xor(weight[i], 1);
      weight[i] += t.shuffle_xor(weight[i], 2);
    }
  }

 private:
  TERRACE_BODY static TERRACE_INLINE std::uint32_t two(const T* row, int at) {
    return row == nullptr ? 0 : *reinterpret_cast<const std::uint32_t*>(row + at);
  }
  // Scores become exp2(score - largest); what was summed before is scaled to the new largest.
  template <int N, class Thread>
  TERRACE_BODY TERRACE_INLINE void soften(Thread& t, float (&s)[N / 8][4], const int (&visible)[2],
                                          float scale) {
    const int pair = 2 * (t.lane() % 4);
    TERRACE_UNROLL
    for (int i = 0; i < 2; ++i) {
      float top = largest[i];
      TERRACE_UNROLL
      for (int n = 0; n < N / 8; ++n) {
        TERRACE_UNROLL
        for (int j = 0; j < 2; ++j) {
          float& x = s[n][2 * i + j];
          x = 8 * n + pair + j < visible[i] ? x * scale : -INFINITY;
          top = greatest(top, x);
        }
      }
      top = greatest(top, t.shuffle_xor(top, 1));
      top = greatest(top, t.shuffle_xor(top, 2));
      const float base = top == -INFINITY ? 0 : top;  // nothing seen yet: all weights are 0
      const float shrink = exp2_fast(largest[i] - base);
      float sum = 0;
      TERRACE_UNROLL
      for (int n = 0; n < N / 8; ++n) {
        TERRACE_UNROLL
        for (int j = 0; j < 2; ++j) {
          float& x = s[n][2 * i + j];
          x = exp2_fast(x - base);
          sum += x;
        }
      }
      weight[i] = weight[i] * shrink + sum;
      largest[i] = top;
      TERRACE_UNROLL
      for (int n = 0; n < D / 8; ++n) {
        o[n][2 * i] *= shrink;
        o[n][2 * i + 1] *= shrink;
      }
    }
  }
};

}  // namespace terrace::cuda
