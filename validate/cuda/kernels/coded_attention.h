// Decode attention over a cache of codes (codec.h), which are decoded in shared memory: what a
// quantised cache saves, its attention does not read. Source: as decode_attention.h; Liu et al.,
// "KIVI", arXiv 2402.02750, section 4.3, fuses the same.
#pragma once

#include "validate/cuda/kernels/codec.h"
#include "validate/cuda/kernels/decode_attention.h"

namespace terrace::cuda {

// Of keys, then of values: rows are the pool's tokens of a head, columns a head's. Pages hold 16
// tokens at least; groups of a power of two numbers that fill whole words: 8 at least, by
// channel 16.
struct CodedAttentionArgs : DecodeAttentionArgs {
  CodeShape shape[2];
  const std::uint32_t* codes[2] = {};
  const CodeScale* scales[2] = {};
};

template <class T, int D>
struct CodedTiles {
  using Args = CodedAttentionArgs;
  static constexpr int tile = decode_tile, chunks = D / 8;
  // Of keys or values: codes of up to 8 bits, a scale for 8 numbers at most.
  static constexpr int code_bytes = tile * D, scale_bytes = tile * D / 8 * 4;
  static constexpr std::size_t stage_bytes = 2 * (code_bytes + scale_bytes);
  static constexpr std::size_t scratch_bytes = sizeof(T) * 2 * tile * D;

  // A tile's codes lie side by side in the pool, as do its scales.
  template <class Thread>
  TERRACE_BODY TERRACE_INLINE static void fetch(Thread& t, const Args& a, std::byte* stage,
                                                int sequence, int kv_head, int b, int) {
    const std::int64_t row = a.kv.at(sequence, kv_head, b * tile) / D;  // the first
    TERRACE_UNROLL
    for (int which = 0; which < 2; ++which) {
      const CodeShape& s = a.shape[which];
      std::byte* to = stage + which * (code_bytes + scale_bytes);
      const auto* codes = reinterpret_cast<const std::byte*>(a.codes[which]);
      copy(t, to, codes + row * D * s.bits / 8, tile * D * s.bits / 8);
      const std::int64_t scale = s.by_channel ? row / s.group * D : row * D / s.group;
      copy(t, to + code_bytes, reinterpret_cast<const std::byte*>(a.scales[which] + scale),
           4 * (s.by_channel ? D : tile * D / s.group));
    }
  }

  template <class Thread>
  TERRACE_BODY TERRACE_INLINE static const T* ready(Thread& t, const Args& a,
                                                    const std::byte* stage, std::byte* scratch,
                                                    int tokens) {
    T* out = reinterpret_cast<T*>(scratch);
    TERRACE_UNROLL
    for (int which = 0; which < 2; ++which) {
      const std::byte* from = stage + which * (code_bytes + scale_bytes);
      const auto* words = reinterpret_cast<const std::uint32_t*>(from);
      const auto* scales = reinterpret_cast<const CodeScale*>(from + code_bytes);
      const CodeShape& s = a.shape[which];
      T* to = out + which * tile * D;
      if (s.bits == 2) decode<2>(t, s, words, scales, to, tokens);
      if (s.bits == 4) decode<4>(t, s, words, scales, to, tokens);
      if (s.bits == 8) decode<8>(t, s, words, scales, to, tokens);
    }
    t.sync_warp();
    return out;
  }

 private:
  template <class Thread>
  TERRACE_BODY TERRACE_INLINE static void copy(Thread& t, std::byte* to, const std::byte* from,
                                               int bytes) {
    for (int i = 16 * t.lane(); i < bytes; i += 16 * 32) t.copy_async(to + i, from + i, true);
  }

  template <int bits, class Thread>
  TERRACE_BODY TERRACE_INLINE static void decode(Thread& t, const CodeShape& s,
                                                 const std::uint32_t* words,
                                                 const CodeScale* scales, T* out, int tokens) {
    if (s.by_channel)
      channels<bits>(t, words, scales, out, tokens);
    else
      rows<bits>(t, s.group, words, scales, out, tokens);
  }

  // Eight codes from bit `at` on of words that lie `stride` apart.
  template <int bits>
  TERRACE_BODY TERRACE_INLINE static std::uint64_t eight(const std::uint32_t* words, int at,
                                                         int stride) {
    const std::uint32_t* w = words + at / 32 * stride;
    if constexpr (bits == 8)
      return w[0] | static_cast<std::uint64_t>(w[stride]) << 32;
    else
      return w[0] >> at % 32;
  }
  template <int bits>
  TERRACE_BODY TERRACE_INLINE static float number(std::uint64_t codes, int i, float step,
                                                  float least) {
    const auto code = static_cast<std::uint32_t>(codes >> (i * bits)) & ((1U << bits) - 1);
    return static_cast<float>(code) * step + least;
  }

  // A lane takes eight channels of eight tokens.
  template <int bits, class Thread>
  TERRACE_BODY TERRACE_INLINE static void channels(Thread& t, const std::uint32_t* words,
                                                   const CodeScale* scales, T* out, int tokens) {
    if (t.lane() >= 2 * chunks) return;
    const int chunk = t.lane() % chunks, first = t.lane() / chunks * 8;
    std::uint64_t codes[8];
    float step[8], least[8];
    TERRACE_UNROLL
    for (int i = 0; i < 8; ++i) {
      codes[i] = eight<bits>(words + chunk * 8 + i, first * bits, D);
      step[i] = to_float(scales[chunk * 8 + i].step);
      least[i] = to_float(scales[chunk * 8 + i].least);
    }
    TERRACE_UNROLL
    for (int r = 0; r < 8; ++r) {
      Vector16 v = {};
      if (first + r < tokens) {
        TERRACE_UNROLL
        for (int i = 0; i < 4; ++i)
          v.words[i] =
              pack_two<T>(number<bits>(codes[2 * i], r, step[2 * i], least[2 * i]),
                          number<bits>(codes[2 * i + 1], r, step[2 * i + 1], least[2 * i + 1]));
      }
      *reinterpret_cast<Vector16*>(out + tile_offset<D>(first + r, chunk)) = v;
    }
  }

  // A lane takes eight numbers of a token at a time.
  template <int bits, class Thread>
  TERRACE_BODY TERRACE_INLINE static void rows(Thread& t, int group, const std::uint32_t* words,
                                               const CodeScale* scales, T* out, int tokens) {
    for (int c = t.lane(); c < tile * chunks; c += 32) {
      const int row = c / chunks;
      const std::uint64_t codes = eight<bits>(words, c * 8 * bits, 1);
      const CodeScale scale = scales[c * 8 / group];
      const float step = to_float(scale.step), least = to_float(scale.least);
      Vector16 v = {};
      if (row < tokens) {
        TERRACE_UNROLL
        for (int i = 0; i < 4; ++i)
          v.words[i] = pack_two<T>(number<bits>(codes, 2 * i, step, least),
                                   number<bits>(codes, 2 * i + 1, step, least));
      }
      *reinterpret_cast<Vector16*>(out + tile_offset<D>(row, c % chunks)) = v;
    }
  }
};

template <class Launcher>
void launch_with(Launcher& to, const CodedAttentionArgs& a) {
  launch_attention<CodedTiles>(to, "coded_attention", a);
}

}  // namespace terrace::cuda
