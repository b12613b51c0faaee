// Moves rows: gathers them by an index (embeddings, pages of a cache, runs of any size), appends
// keys and values to a paged cache, merges evicted tokens into the slots that stay.
// Source of merging: Wan et al., "D2O", arXiv 2406.13035, and Zhang et al., "CaM": a weighted mean.
#pragma once

#include "validate/cuda/kernels/pages.h"

namespace terrace::cuda {

struct GatherArgs {  // out[i] = in[index[i]]
  const void* in = nullptr;
  void* out = nullptr;
  const std::int32_t* index = nullptr;
  std::int64_t rows = 0;
  std::int64_t row_bytes = 0;      // a multiple of 16
  std::int64_t source_stride = 0;  // B from a row of `in` to the next
};

struct Gather {
  static constexpr int threads = 256, each = 4;  // vectors of a thread, all under way at once
  GatherArgs a;

  template <class Thread>
  TERRACE_BODY void operator()(Thread& t) const {
    const std::int64_t width = a.row_bytes / 16, all = a.rows * width;
    const std::int64_t first = static_cast<std::int64_t>(t.x()) * threads * each + t.thread();
    Vector16 held[each];
    TERRACE_UNROLL
    for (int j = 0; j < each; ++j) {
      const std::int64_t i = first + j * threads;
      if (i >= all) continue;
      const char* row = static_cast<const char*>(a.in) +
                        static_cast<std::int64_t>(a.index[i / width]) * a.source_stride;
      held[j] = reinterpret_cast<const Vector16*>(row)[i % width];
    }
    TERRACE_UNROLL
    for (int j = 0; j < each; ++j) {
      const std::int64_t i = first + j * threads;
      if (i < all) static_cast<Vector16*>(a.out)[i] = held[j];
    }
  }
};

struct KvAppendArgs {  // the new tokens' keys and values go to their pages
  Number number = Number::bf16;
  const void* k = nullptr;  // [row][stride], heads first
  const void* v = nullptr;
  KvPages kv;
  const std::int32_t* sequences = nullptr;  // of each row
  const std::int32_t* positions = nullptr;
  int rows = 0;
  std::int64_t stride = 0;  // numbers
};

struct KvAppend {
  static constexpr int threads = 128;
  KvAppendArgs a;

  template <class Thread>
  TERRACE_BODY void operator()(Thread& t) const {
    const int row = t.x(), width = cuda::bytes_of(a.number);
    const int vectors = a.kv.head_dim * width / 16;  // of a head
    for (int i = t.thread(); i < 2 * a.kv.kv_heads * vectors; i += threads) {
      const bool value = i >= a.kv.kv_heads * vectors;
      const int head = i / vectors % a.kv.kv_heads, vector = i % vectors;
      const std::int64_t to = a.kv.at(a.sequences[row], head, a.positions[row]) * width / 16;
      const std::int64_t from =
          (row * a.stride + static_cast<std::int64_t>(head) * a.kv.head_dim) * width / 16;
      static_cast<Vector16*>(value ? a.kv.v : a.kv.k)[to + vector] =
          static_cast<const Vector16*>(value ? a.v : a.k)[from + vector];
    }
  }
};

struct MergeTokensArgs {  // slot = sum of weight x token over its run / sum of weights
  Number number = Number::bf16;
  const void* tokens = nullptr;         // [token][columns], a slot's tokens one after the other
  const float* weights = nullptr;       // of each token
  const std::int32_t* first = nullptr;  // [slots + 1]
  void* out = nullptr;                  // [slot][columns]
  int slots = 0, columns = 0;
};

template <class T>
struct MergeTokens {
  static constexpr int threads = 128;
  MergeTokensArgs a;

  template <class Thread>
  TERRACE_BODY void operator()(Thread& t) const {
    const int first = a.first[t.x()], last = a.first[t.x() + 1];
    for (int c = t.thread(); c < a.columns; c += threads) {
      float sum = 0, weight = 0;
      for (int i = first; i < last; ++i) {
        sum +=
            a.weights[i] *
            to_float(static_cast<const T*>(a.tokens)[static_cast<std::int64_t>(i) * a.columns + c]);
        weight += a.weights[i];
      }
      if (last > first)
        static_cast<T*>(a.out)[static_cast<std::int64_t>(t.x()) * a.columns + c] =
            from_float<T>(sum / weight);
    }
  }
};

template <class Launcher>
void launch_with(Launcher& to, const GatherArgs& a) {
  const std::int64_t vectors = a.rows * a.row_bytes / 16;
  to.launch("gather",
            {static_cast<int>(ceil_div<std::int64_t, std::int64_t>(
                 vectors, std::int64_t{Gather::threads} * Gather::each)),
             1, 1, Gather::threads, 0},
            Gather{a});
}
template <class Launcher>
void launch_with(Launcher& to, const KvAppendArgs& a) {
  to.launch("kv_append", {a.rows, 1, 1, KvAppend::threads, 0}, KvAppend{a});
}
template <class Launcher>
void launch_with(Launcher& to, const MergeTokensArgs& a) {
  with_number(a.number, [&](auto number) {
    using Kernel = MergeTokens<decltype(number)>;
    to.launch("merge_tokens", {a.slots, 1, 1, Kernel::threads, 0}, Kernel{a});
  });
}

}  // namespace terrace::cuda
