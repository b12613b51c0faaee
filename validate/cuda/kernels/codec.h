// Round-to-nearest codes of cached keys and values: groups of numbers along a token (int8 per
// token, int4 and int2 by groups) or along a channel over neighbouring tokens (KIVI's keys); a
// scale and a least value for every group, codes packed into 32-bit words along the group.
// Source: Liu et al., "KIVI", arXiv 2402.02750, section 3.2: x = code x (max - min) / (2^b - 1) +
// min.
#pragma once

#include "validate/cuda/kernels/portable.h"

namespace terrace::cuda {

struct CodeScale {
  F16 step, least;
};

// A matrix [rows][columns], a row for each token. Groups of `group` numbers along a row, or, by
// channel, of `group` rows of one column; both whole.
struct CodeShape {
  int bits = 8;  // 8, 4 or 2
  int group = 128;
  bool by_channel = false;
  std::int64_t rows = 0, columns = 0;

  TERRACE_BOTH int words() const { return group * bits / 32; }  // of a group
  TERRACE_BOTH std::int64_t groups() const { return rows * columns / group; }
  TERRACE_BOTH std::int64_t code_bytes() const { return groups() * words() * 4; }
  TERRACE_BOTH std::int64_t scale_bytes() const {
    return groups() * static_cast<std::int64_t>(sizeof(CodeScale));
  }
  // Word w of group g. By channel, the groups of a band of rows are interleaved, so that
  // neighbouring threads, which take neighbouring channels, touch neighbouring words.
  TERRACE_BOTH std::int64_t word_at(std::int64_t g, int w) const {
    if (!by_channel) return g * words() + w;
    return (g / columns * words() + w) * columns + g % columns;
  }
  TERRACE_BOTH std::int64_t number_at(std::int64_t g, int i) const {  // number i of group g
    if (!by_channel) return g * group + i;
    return (g / columns * group + i) * columns + g % columns;
  }
};

struct QuantizeArgs {
  Number number = Number::bf16;
  CodeShape shape;
  const void* in = nullptr;
  std::uint32_t* codes = nullptr;
  CodeScale* scales = nullptr;  // [group]
};
struct DequantizeArgs {
  Number number = Number::bf16;
  CodeShape shape;
  const std::uint32_t* codes = nullptr;
  const CodeScale* scales = nullptr;
  void* out = nullptr;
};

// By channel a thread does a group, along a row a warp does.
template <class T>
struct Quantize {
  static constexpr int threads = 128;
  QuantizeArgs a;

  template <class Thread>
  TERRACE_BODY void operator()(Thread& t) const {
    const CodeShape& s = a.shape;
    const int lanes = s.by_channel ? 1 : 32, self = s.by_channel ? 0 : t.lane();
    const std::int64_t g = (static_cast<std::int64_t>(t.x()) * threads + t.thread()) / lanes;
    if (g >= s.groups()) return;
    float low = INFINITY, high = -INFINITY;
    for (int i = self; i < s.group; i += lanes) {
      const float x = to_float(static_cast<const T*>(a.in)[s.number_at(g, i)]);
      low = least(low, x);
      high = greatest(high, x);
    }
    for (int mask = lanes / 2; mask > 0; mask /= 2) {
      low = least(low, t.shuffle_xor(low, mask));
      high = greatest(high, t.shuffle_xor(high, mask));
    }
    const auto most = static_cast<float>((1 << s.bits) - 1);
    const CodeScale scale = {from_float<F16>((high - low) / most), from_float<F16>(low)};
    const float step = to_float(scale.step);
    low = to_float(scale.least);  // as the decoder knows it
    if (self == 0) a.scales[g] = scale;
    const int each = 32 / s.bits;
    for (int w = self; w < s.words(); w += lanes) {
      std::uint32_t word = 0;
      for (int i = 0; i < each; ++i) {
        const float x = to_float(static_cast<const T*>(a.in)[s.number_at(g, w * each + i)]);
        const float code = step > 0 ? least(most, greatest(0.0F, rintf((x - low) / step))) : 0.0F;
        word |= static_cast<std::uint32_t>(code) << (i * s.bits);
      }
      a.codes[s.word_at(g, w)] = word;
    }
  }
};

// A thread does a word.
template <class T>
struct Dequantize {
  static constexpr int threads = 256;
  DequantizeArgs a;

  template <class Thread>
  TERRACE_BODY void operator()(Thread& t) const {
    const CodeShape& s = a.shape;
    const int words = s.words(), each = 32 / s.bits;
    const std::int64_t i = static_cast<std::int64_t>(t.x()) * threads + t.thread();
    if (i >= s.groups() * words) return;
    // Neighbouring threads take neighbouring words of the store.
    const std::int64_t band = i / (s.columns * words), rest = i % (s.columns * words);
    const std::int64_t g = s.by_channel ? band * s.columns + rest % s.columns : i / words;
    const int w = static_cast<int>(s.by_channel ? rest / s.columns : i % words);
    const std::uint32_t word = a.codes[i];
    const CodeScale scale = a.scales[g];
    const std::uint32_t mask = (1U << s.bits) - 1;
    T* out = static_cast<T*>(a.out);
    for (int j = 0; j < each; ++j)
      out[s.number_at(g, w * each + j)] =
          from_float<T>(static_cast<float>(word >> (j * s.bits) & mask) * to_float(scale.step) +
                        to_float(scale.least));
  }
};

template <class Launcher>
void launch_with(Launcher& to, const QuantizeArgs& a) {
  with_number(a.number, [&](auto number) {
    using Kernel = Quantize<decltype(number)>;
    const std::int64_t lanes = a.shape.groups() * (a.shape.by_channel ? 1 : 32);
    to.launch("quantize",
              {static_cast<int>(ceil_div(lanes, std::int64_t{Kernel::threads})), 1, 1,
               Kernel::threads, 0},
              Kernel{a});
  });
}
template <class Launcher>
void launch_with(Launcher& to, const DequantizeArgs& a) {
  with_number(a.number, [&](auto number) {
    using Kernel = Dequantize<decltype(number)>;
    const std::int64_t words = a.shape.groups() * a.shape.words();
    to.launch("dequantize",
              {static_cast<int>(ceil_div(words, std::int64_t{Kernel::threads})), 1, 1,
               Kernel::threads, 0},
              Kernel{a});
  });
}

}  // namespace terrace::cuda
