// Decode attention over a cache of codes (codec.h), which are decoded on their way to shared
// memory: what a quantised cache saves, its attention does not read. Source: as decode_attention.h;
// Liu et al., "KIVI", arXiv 2402.02750, section 4.3, fuses the same.
#pragma once

#include "validate/cuda/kernels/codec.h"
#include "validate/cuda/kernels/decode_attention.h"

namespace terrace::cuda {

// Of keys, then of values: rows are the pool's tokens of a head, columns a head's; groups of a
// power of two numbers, 8 at least.
struct CodedAttentionArgs : DecodeAttentionArgs {
  CodeShape shape[2];
  const std::uint32_t* codes[2] = {};
  const CodeScale* scales[2] = {};
};

// Eight numbers of a token, from the pool's number `n` on, a multiple of 8.
template <class T, int D, class Thread>
TERRACE_BODY TERRACE_INLINE void load_chunk(Thread&, const CodedAttentionArgs& a, int which, T* to,
                                            std::int64_t n, bool valid) {
  Vector16 out = {};
  if (valid) {
    const CodeShape& s = a.shape[which];
    const std::uint32_t mask = (1U << s.bits) - 1;
    const std::int64_t group = s.group;
    float x[8];
    if (s.by_channel) {  // each number has a group of its own; their words lie side by side
      const std::int64_t row = n / D, band = row / group;
      const int at = static_cast<int>(row % group) * s.bits, column = static_cast<int>(n % D);
      const std::uint32_t* words = a.codes[which] + (band * s.words() + at / 32) * D + column;
      const CodeScale* scales = a.scales[which] + band * D + column;
      TERRACE_UNROLL
      for (int i = 0; i < 8; ++i)
        x[i] = static_cast<float>(words[i] >> (at % 32) & mask) * to_float(scales[i].step) +
               to_float(scales[i].least);
    } else {  // one group, 8 x bits in a row
      const std::int64_t g = n / group;
      const int at = static_cast<int>(n % group) * s.bits;
      const std::uint32_t* words = a.codes[which] + g * s.words() + at / 32;
      const std::uint64_t codes =
          (words[0] | (s.bits == 8 ? static_cast<std::uint64_t>(words[1]) << 32 : 0)) >> (at % 32);
      const CodeScale scale = a.scales[which][g];
      TERRACE_UNROLL
      for (int i = 0; i < 8; ++i)
        x[i] = static_cast<float>(static_cast<std::uint32_t>(codes >> (i * s.bits)) & mask) *
                   to_float(scale.step) +
               to_float(scale.least);
    }
    TERRACE_UNROLL
    for (int i = 0; i < 4; ++i) out.words[i] = pack_two<T>(x[2 * i], x[2 * i + 1]);
  }
  *reinterpret_cast<Vector16*>(to) = out;
}

template <class Launcher>
void launch_with(Launcher& to, const CodedAttentionArgs& a) {
  launch_attention(to, "coded_attention", a);
}

}  // namespace terrace::cuda
