// Attention of one new token a sequence over a paged cache, the cache cut into parts so that every
// multiprocessor streams; then the parts are merged. All query heads of a KV head share what is
// loaded, each warp streams its own tiles, two in flight.
// Source: Dao et al., "Flash-Decoding for long-context inference" (2023); Ainslie et al., GQA,
// arXiv 2305.13245.
#pragma once

#include "validate/cuda/kernels/attention_rows.h"
#include "validate/cuda/kernels/pages.h"

namespace terrace::cuda {

inline constexpr int decode_tile = 16;  // tokens that a warp takes at a time
inline constexpr int decode_warps = 4;

struct DecodePart {
  std::int32_t sequence = 0;
  std::int32_t first = 0, tiles = 0;  // of decode_tile tokens
  std::int32_t slot = 0;              // where its partial result goes
  std::int32_t siblings = 1;          // parts of its sequence; 1: the result is final
};

struct DecodeAttentionArgs {
  Number number = Number::bf16;  // f16 or bf16
  KvPages kv;
  const void* q = nullptr;   // [sequence][q_stride], heads first
  void* out = nullptr;       // [sequence][heads][head_dim]
  float* partial = nullptr;  // [slot][heads][head_dim + 2]: unscaled sum, largest score, weight
  const std::int32_t* lengths = nullptr;  // tokens to attend to, at least 1
  const DecodePart* parts = nullptr;
  int part_count = 0, heads = 1;
  std::int64_t q_stride = 0;
  float scale = 1;
};

// What a warp takes from a paged cache: `stage` holds what is under way of a tile. Another source
// of keys and values has the same members.
template <class T, int D>
struct CachedTiles {
  using Args = DecodeAttentionArgs;
  static constexpr int tile = decode_tile;
  static constexpr std::size_t stage_bytes = sizeof(T) * 2 * tile * D, scratch_bytes = 0;

  // Tile b of a sequence, of keys, then of values; zeros past its end.
  template <class Thread>
  TERRACE_BODY TERRACE_INLINE static void fetch(Thread& t, const Args& a, std::byte* stage,
                                                int sequence, int kv_head, int b, int length) {
    constexpr int chunks = D / 8;
    T* to = reinterpret_cast<T*>(stage);
    const bool whole = a.kv.page_shift >= 4;  // the tile lies in one page
    const std::int64_t start = whole ? a.kv.at(sequence, kv_head, b * tile) : 0;
    TERRACE_UNROLL
    for (int j = 0; j < tile * chunks / 32; ++j) {
      const int c = t.lane() + 32 * j, row = c / chunks, chunk = c % chunks, token = b * tile + row;
      const bool valid = token < length;
      const std::int64_t from =
          (whole ? start + row * D : a.kv.at(sequence, kv_head, valid ? token : 0)) + chunk * 8;
      T* at = to + tile_offset<D>(row, chunk);
      t.copy_async(at, static_cast<const T*>(a.kv.k) + from, valid);
      t.copy_async(at + tile * D, static_cast<const T*>(a.kv.v) + from, valid);
    }
  }

  // Its keys, then its values, once it is there: `tokens` of it are.
  template <class Thread>
  TERRACE_BODY TERRACE_INLINE static const T* ready(Thread&, const Args&, const std::byte* stage,
                                                    std::byte*, int) {
    return reinterpret_cast<const T*>(stage);
  }
};

template <class T, int D, class Tiles = CachedTiles<T, D>>
struct DecodeAttention {
  static constexpr int threads = 32 * decode_warps, stages = 2, tile = decode_tile;
  static constexpr std::size_t warp_bytes = stages * Tiles::stage_bytes + Tiles::scratch_bytes;
  static constexpr std::size_t shared_bytes = decode_warps * warp_bytes;
  static_assert(shared_bytes >= std::size_t{4} * decode_warps * 16 * (D + 2), "the merge fits");
  typename Tiles::Args a;

  template <class Thread>
  TERRACE_BODY void operator()(Thread& t) const {
    const DecodePart part = a.parts[t.x()];
    const int group = a.heads / a.kv.kv_heads, sixteens = ceil_div(group, 16);
    const int kv_head = t.y() / sixteens, first_row = t.y() % sixteens * 16;
    const int rows = least(16, group - first_row), head = kv_head * group + first_row;
    const int length = a.lengths[part.sequence];
    std::byte* mine = t.shared() + t.warp() * warp_bytes;

    const int last = part.first + part.tiles;
    int next = part.first + t.warp();
    for (int s = 0; s < stages; ++s, next += decode_warps) {
      if (next < last)
        Tiles::fetch(t, a, mine + s * Tiles::stage_bytes, part.sequence, kv_head, next, length);
      t.commit();
    }
    AttentionRows<T, D> state;
    const T* q = static_cast<const T*>(a.q) + part.sequence * a.q_stride +
                 static_cast<std::int64_t>(head) * D;
    const int row = t.lane() / 4;
    state.begin(t, row < rows ? q + row * D : nullptr,
                row + 8 < rows ? q + (row + 8) * D : nullptr);

    int stage = 0;
    for (int b = part.first + t.warp(); b < last; b += decode_warps, next += decode_warps) {
      std::byte* arrived = mine + stage * Tiles::stage_bytes;
      t.template wait<stages - 1>();
      t.sync_warp();
      const int visible[2] = {length - b * tile, length - b * tile};
      const T* at = Tiles::ready(t, a, arrived, mine + stages * Tiles::stage_bytes, visible[0]);
      state.template absorb<tile>(t, at, at + tile * D, visible, a.scale * log2_e);
      t.sync_warp();  // all lanes have read the stage
      if (next < last) Tiles::fetch(t, a, arrived, part.sequence, kv_head, next, length);
      t.commit();
      stage = (stage + 1) % stages;
    }
    t.template wait<0>();
    state.finish(t);
    t.sync();
    store(t, state, part, head, rows);
  }

 private:
  // The warps' rows, merged.
  template <class Thread>
  TERRACE_BODY void store(Thread& t, const AttentionRows<T, D>& state, const DecodePart& part,
                          int head, int rows) const {
    float* sums = reinterpret_cast<float*>(t.shared());
    float* tops = sums + decode_warps * 16 * D;  // [warp][row]: largest, weight
    TERRACE_UNROLL
    for (int i = 0; i < 2; ++i) {
      const int row = t.warp() * 16 + t.lane() / 4 + 8 * i;
      TERRACE_UNROLL
      for (int n = 0; n < D / 8; ++n) {
        sums[row * D + 8 * n + 2 * (t.lane() % 4)] = state.o[n][2 * i];
        sums[row * D + 8 * n + 2 * (t.lane() % 4) + 1] = state.o[n][2 * i + 1];
      }
      if (t.lane() % 4 == 0) {
        tops[2 * row] = state.largest[i];
        tops[2 * row + 1] = state.weight[i];
      }
    }
    t.sync();
    for (int i = t.thread(); i < rows * D; i += threads) {
      const int row = i / D, d = i % D;
      float top = -INFINITY, weight = 0, sum = 0;
      for (int w = 0; w < decode_warps; ++w) top = greatest(top, tops[2 * (w * 16 + row)]);
      for (int w = 0; w < decode_warps; ++w) {
        const float shrink = exp2_fast(tops[2 * (w * 16 + row)] - top);
        weight += tops[2 * (w * 16 + row) + 1] * shrink;
        sum += sums[(w * 16 + row) * D + d] * shrink;
      }
      if (part.siblings == 1) {
        T* out = static_cast<T*>(a.out) +
                 (static_cast<std::int64_t>(part.sequence) * a.heads + head + row) * D;
        out[d] = from_float<T>(sum / weight);
        continue;
      }
      float* out =
          a.partial + (static_cast<std::int64_t>(part.slot) * a.heads + head + row) * (D + 2);
      out[d] = sum;
      if (d == 0) {
        out[D] = top;
        out[D + 1] = weight;
      }
    }
  }
};

struct MergePartsArgs {
  Number number = Number::bf16;
  const float* partial = nullptr;
  void* out = nullptr;
  const std::int32_t* first_slot =
      nullptr;  // [sequences + 1]; sequences of one part are left alone
  int sequences = 0, heads = 1, head_dim = 128;
};

template <class T>
struct MergeParts {
  static constexpr int threads = 128;
  MergePartsArgs a;

  template <class Thread>
  TERRACE_BODY void operator()(Thread& t) const {
    const int first = a.first_slot[t.x()], last = a.first_slot[t.x() + 1], width = a.head_dim + 2;
    if (last - first < 2) return;
    const auto part = [&](int slot) {
      return a.partial + (static_cast<std::int64_t>(slot) * a.heads + t.y()) * width;
    };
    float top = -INFINITY, weight = 0;
    for (int s = first; s < last; ++s) top = greatest(top, part(s)[a.head_dim]);
    for (int s = first; s < last; ++s)
      weight += part(s)[a.head_dim + 1] * exp2_fast(part(s)[a.head_dim] - top);
    for (int d = t.thread(); d < a.head_dim; d += threads) {
      float sum = 0;
      for (int s = first; s < last; ++s) sum += part(s)[d] * exp2_fast(part(s)[a.head_dim] - top);
      static_cast<T*>(
          a.out)[(static_cast<std::int64_t>(t.x()) * a.heads + t.y()) * a.head_dim + d] =
          from_float<T>(sum / weight);
    }
  }
};

template <class F>
bool with_head_dim(int head_dim, F&& f) {  // those that kernels exist for
  if (head_dim == 64) f(std::integral_constant<int, 64>());
  if (head_dim == 128) f(std::integral_constant<int, 128>());
  return head_dim == 64 || head_dim == 128;
}

template <template <class, int> class Tiles, class Launcher, class Args>
void launch_attention(Launcher& to, const char* name, const Args& a) {
  const int sixteens = ceil_div(a.heads / a.kv.kv_heads, 16);
  with_number(a.number, [&](auto number) {
    using T = decltype(number);
    if constexpr (sizeof(T) == 2)
      with_head_dim(a.kv.head_dim, [&](auto dim) {
        constexpr int D = decltype(dim)::value;
        using Kernel = DecodeAttention<T, D, Tiles<T, D>>;
        to.launch(
            name,
            {a.part_count, a.kv.kv_heads * sixteens, 1, Kernel::threads, Kernel::shared_bytes},
            Kernel{a});
      });
  });
}
template <class Launcher>
void launch_with(Launcher& to, const DecodeAttentionArgs& a) {
  launch_attention<CachedTiles>(to, "decode_attention", a);
}
template <class Launcher>
void launch_with(Launcher& to, const MergePartsArgs& a) {
  with_number(a.number, [&](auto number) {
    using T = decltype(number);
    if constexpr (sizeof(T) == 2)
      to.launch("merge_parts", {a.sequences, a.heads, 1, MergeParts<T>::threads, 0},
                MergeParts<T>{a});
  });
}

}  // namespace terrace::cuda
