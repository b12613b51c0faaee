// Causal attention of many new tokens over a paged cache that holds them already; and a plain one,
// a warp for each row, for any number format and head size.
// Source: Dao, "FlashAttention-2", arXiv 2307.08691.
#pragma once

#include "validate/cuda/kernels/decode_attention.h"

namespace terrace::cuda {

struct QueryTile {  // up to 64 query rows of a sequence
  std::int32_t sequence = 0, rows = 0;
  std::int32_t first_row = 0;       // among all query rows
  std::int32_t first_position = 0;  // of that row in its sequence: it sees as many and itself
};

struct PrefillAttentionArgs {
  Number number = Number::bf16;
  KvPages kv;
  const void* q = nullptr;  // [row][q_stride], heads first
  void* out = nullptr;      // [row][heads][head_dim]
  const QueryTile* tiles = nullptr;
  int tile_count = 0, heads = 1;
  std::int64_t q_stride = 0;
  float scale = 1;
};

template <class T, int D>
struct PrefillAttention {
  static constexpr int threads = 128, keys = 64, stages = 2;
  static constexpr std::size_t shared_bytes = std::size_t{2} * stages * keys * D * sizeof(T);
  PrefillAttentionArgs a;

  template <class Thread>
  TERRACE_BODY void operator()(Thread& t) const {
    const QueryTile tile = a.tiles[a.tile_count - 1 - t.x()];  // the longest contexts first
    const int head = t.y(), kv_head = head / (a.heads / a.kv.kv_heads);
    const int seen = tile.first_position + tile.rows, blocks = ceil_div(seen, keys);
    T* shared = reinterpret_cast<T*>(t.shared());

    load(t, shared, tile.sequence, kv_head, 0, seen);
    t.commit();
    AttentionRows<T, D> state;
    const int row0 = t.warp() * 16 + t.lane() / 4, row1 = row0 + 8;
    const auto query = [&](int row) {
      return row < tile.rows ? static_cast<const T*>(a.q) + (tile.first_row + row) * a.q_stride +
                                   static_cast<std::int64_t>(head) * D
                             : nullptr;
    };
    state.begin(t, query(row0), query(row1));
    const int last_of_warp = tile.first_position + t.warp() * 16 + 15;
    for (int b = 0; b < blocks; ++b) {
      if (b + 1 < blocks)
        load(t, shared + (b + 1) % stages * 2 * keys * D, tile.sequence, kv_head, b + 1, seen);
      t.commit();
      t.template wait<1>();
      t.sync();
      const T* at = shared + b % stages * 2 * keys * D;
      const int visible[2] = {tile.first_position + row0 + 1 - b * keys,
                              tile.first_position + row1 + 1 - b * keys};
      if (b * keys <= last_of_warp && t.warp() * 16 < tile.rows)
        state.template absorb<keys>(t, at, at + keys * D, visible, a.scale * log2_e);
      t.sync();
    }
    state.finish(t);
    TERRACE_UNROLL
    for (int i = 0; i < 2; ++i) {
      const int row = row0 + 8 * i;
      if (row >= tile.rows) continue;
      T* out = static_cast<T*>(a.out) +
               (static_cast<std::int64_t>(tile.first_row + row) * a.heads + head) * D;
      TERRACE_UNROLL
      for (int n = 0; n < D / 8; ++n)
        *reinterpret_cast<std::uint32_t*>(out + 8 * n + 2 * (t.lane() % 4)) = pack_two<T>(
            state.o[n][2 * i] / state.weight[i], state.o[n][2 * i + 1] / state.weight[i]);
    }
  }

 private:
  template <class Thread>
  TERRACE_BODY TERRACE_INLINE void load(Thread& t, T* to, int sequence, int kv_head, int b,
                                        int seen) const {
    constexpr int chunks = D / 8;
    TERRACE_UNROLL
    for (int j = 0; j < keys * chunks / threads; ++j) {
      const int c = t.thread() + threads * j, row = c / chunks, chunk = c % chunks;
      const int token = b * keys + row;
      const bool valid = token < seen;
      const std::int64_t from = a.kv.at(sequence, kv_head, valid ? token : 0) + chunk * 8;
      T* at = to + tile_offset<D>(row, chunk);
      t.copy_async(at, static_cast<const T*>(a.kv.k) + from, valid);
      t.copy_async(at + keys * D, static_cast<const T*>(a.kv.v) + from, valid);
    }
  }
};

struct PlainAttentionArgs {
  Number number = Number::f32;
  KvPages kv;  // head_dim up to 256
  const void* q = nullptr;
  void* out = nullptr;
  const std::int32_t* sequences = nullptr;  // of each row
  const std::int32_t* visible = nullptr;    // tokens that a row sees
  int rows = 0, heads = 1;
  std::int64_t q_stride = 0;
  float scale = 1;
};

template <class T>
struct PlainAttention {
  static constexpr int threads = 32, most = 8;  // numbers of a head in a lane
  PlainAttentionArgs a;

  template <class Thread>
  TERRACE_BODY void operator()(Thread& t) const {
    const int row = t.x(), head = t.y(), d = a.kv.head_dim;
    const int kv_head = head / (a.heads / a.kv.kv_heads), sequence = a.sequences[row];
    const T* q =
        static_cast<const T*>(a.q) + row * a.q_stride + static_cast<std::int64_t>(head) * d;
    float sum[most] = {}, largest = -INFINITY, weight = 0;
    for (int token = 0; token < a.visible[row]; ++token) {
      const std::int64_t at = a.kv.at(sequence, kv_head, token);
      float s = 0;
      for (int i = t.lane(); i < d; i += 32)
        s += to_float(q[i]) * to_float(static_cast<const T*>(a.kv.k)[at + i]);
      for (int mask = 16; mask > 0; mask /= 2) s += t.shuffle_xor(s, mask);
      s *= a.scale * log2_e;
      const float top = greatest(largest, s), shrink = exp2_fast(largest - top);
      const float p = exp2_fast(s - top);
      for (int i = t.lane(), n = 0; i < d; i += 32, ++n)
        sum[n] = sum[n] * shrink + p * to_float(static_cast<const T*>(a.kv.v)[at + i]);
      weight = weight * shrink + p;
      largest = top;
    }
    T* out = static_cast<T*>(a.out) + (static_cast<std::int64_t>(row) * a.heads + head) * d;
    for (int i = t.lane(), n = 0; i < d; i += 32, ++n) out[i] = from_float<T>(sum[n] / weight);
  }
};

template <class Launcher>
void launch_with(Launcher& to, const PrefillAttentionArgs& a) {
  with_number(a.number, [&](auto number) {
    using T = decltype(number);
    if constexpr (sizeof(T) == 2)
      with_head_dim(a.kv.head_dim, [&](auto dim) {
        using Kernel = PrefillAttention<T, decltype(dim)::value>;
        to.launch("prefill_attention",
                  {a.tile_count, a.heads, 1, Kernel::threads, Kernel::shared_bytes}, Kernel{a});
      });
  });
}
template <class Launcher>
void launch_with(Launcher& to, const PlainAttentionArgs& a) {
  with_number(a.number, [&](auto number) {
    using Kernel = PlainAttention<decltype(number)>;
    to.launch("plain_attention", {a.rows, a.heads, 1, Kernel::threads, 0}, Kernel{a});
  });
}

}  // namespace terrace::cuda
