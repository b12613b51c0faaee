// Scores of pages or tokens against queries, and the k largest of every row by radix selection.
// Sources: Tang et al., "Quest", arXiv 2406.10774, section 3.3 (bounds of a page); Alabi et al.,
// "Fast k-selection algorithms for graphics processing units", JEA 17 (2012).
#pragma once

#include "validate/cuda/kernels/portable.h"

namespace terrace::cuda {

// score[row][i] = sum over d of max(q low, q high) of entry i; low = high gives the dot product.
struct PageScoreArgs {
  Number number = Number::bf16;
  const void* q = nullptr;     // [row][head_dim]
  const void* low = nullptr;   // [row][entries][head_dim]
  const void* high = nullptr;  // may be `low`
  float* out = nullptr;        // [row][entries]
  int rows = 0, entries = 0, head_dim = 0;
};

template <class T>
struct PageScore {
  static constexpr int threads = 128;
  PageScoreArgs a;

  template <class Thread>
  TERRACE_BODY void operator()(Thread& t) const {
    const int entry = t.x() * (threads / 32) + t.warp();
    const std::int64_t row = t.y();
    if (entry >= a.entries) return;  // the whole warp
    const std::int64_t at = (row * a.entries + entry) * a.head_dim;
    float sum = 0;
    for (int d = t.lane(); d < a.head_dim; d += 32) {
      const float q = to_float(static_cast<const T*>(a.q)[row * a.head_dim + d]);
      sum += greatest(q * to_float(static_cast<const T*>(a.low)[at + d]),
                      q * to_float(static_cast<const T*>(a.high)[at + d]));
    }
    for (int mask = 16; mask > 0; mask /= 2) sum += t.shuffle_xor(sum, mask);
    if (t.lane() == 0) a.out[row * a.entries + entry] = sum;
  }
};

struct TopKArgs {               // indices in ascending order; of equals the first
  const float* in = nullptr;    // [row][n]
  std::int32_t* out = nullptr;  // [row][k]
  int rows = 0, n = 0, k = 0;
};

// Larger floats have larger keys; NaN is below all numbers.
TERRACE_BODY TERRACE_INLINE std::uint32_t order_of(float x) {
  if (x != x) return 0;
  const std::uint32_t bits = bits_of(x == 0 ? 0.0F : x);
  return (bits >> 31) != 0 ? ~bits : bits | 0x80000000U;
}

struct TopK {
  static constexpr int threads = 256;
  static constexpr std::size_t shared_bytes = sizeof(int) * (256 + 2 * threads / 32 + 4);
  TopKArgs a;

  template <class Thread>
  TERRACE_BODY void operator()(Thread& t) const {
    const float* in = a.in + static_cast<std::int64_t>(t.x()) * a.n;
    int* counts = reinterpret_cast<int*>(t.shared());  // by digit
    int* sums = counts + 256;                          // by warp: above, equal
    int* chosen = sums + 2 * threads / 32;             // digit, how many are above
    std::uint32_t prefix = 0, mask = 0;
    int wanted = a.k;  // of those that begin with the prefix
    for (int shift = 24; shift >= 0; shift -= 8) {
      counts[t.thread()] = 0;
      t.sync();
      for (int i = t.thread(); i < a.n; i += threads)
        if (const std::uint32_t key = order_of(in[i]); (key & mask) == prefix)
          t.add_shared(&counts[key >> shift & 0xFFU], 1);
      t.sync();
      if (t.thread() == 0) {
        int digit = 255, above = 0;
        while (digit > 0 && above + counts[digit] < wanted) above += counts[digit--];
        chosen[0] = digit;
        chosen[1] = above;
      }
      t.sync();
      prefix |= static_cast<std::uint32_t>(chosen[0]) << shift;
      mask |= 0xFFU << shift;
      wanted -= chosen[1];
      t.sync();
    }
    write(t, in, prefix, wanted, sums);
  }

 private:
  // All keys above the threshold and the first `equals` that equal it, in the order of the row.
  template <class Thread>
  TERRACE_BODY void write(Thread& t, const float* in, std::uint32_t threshold, int equals,
                          int* sums) const {
    std::int32_t* out = a.out + static_cast<std::int64_t>(t.x()) * a.k;
    int above_before = 0, equal_before = 0;
    for (int start = 0; start < a.n; start += threads) {
      const int i = start + t.thread();
      const std::uint32_t key = i < a.n ? order_of(in[i]) : 0;
      const int above = i < a.n && key > threshold ? 1 : 0;
      const int equal = i < a.n && key == threshold ? 1 : 0;
      int packed = above | equal << 16;  // at most 256 of each
      const int own = packed;
      for (int step = 1; step < 32; step *= 2) {
        const int left = t.shuffle(packed, greatest(0, t.lane() - step));
        if (t.lane() >= step) packed += left;
      }
      if (t.lane() == 31) sums[t.warp()] = packed;
      t.sync();
      int before = 0, total = 0;
      for (int w = 0; w < threads / 32; ++w) {
        if (w < t.warp()) before += sums[w];
        total += sums[w];
      }
      t.sync();
      before += packed - own;
      const int rank_above = above_before + (before & 0xFFFF);
      const int rank_equal = equal_before + (before >> 16);
      if (above != 0 || (equal != 0 && rank_equal < equals))
        out[rank_above + least(rank_equal, equals)] = i;
      above_before += total & 0xFFFF;
      equal_before += total >> 16;
    }
  }
};

template <class Launcher>
void launch_with(Launcher& to, const PageScoreArgs& a) {
  with_number(a.number, [&](auto number) {
    using Kernel = PageScore<decltype(number)>;
    to.launch("page_score",
              {ceil_div(a.entries, int{Kernel::threads} / 32), a.rows, 1, Kernel::threads, 0},
              Kernel{a});
  });
}
template <class Launcher>
void launch_with(Launcher& to, const TopKArgs& a) {
  to.launch("top_k", {a.rows, 1, 1, TopK::threads, TopK::shared_bytes}, TopK{a});
}

}  // namespace terrace::cuda
