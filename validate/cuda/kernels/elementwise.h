// What lies between the matrices of a layer: RMS norm with its residual, rotation, SwiGLU, the
// largest logit; and a stream of bytes that stands in for what has no kernel of its own.
// Sources: Zhang and Sennrich, arXiv 1910.07467; Su et al., arXiv 2104.09864; Shazeer, 2002.05202.
#pragma once

#include "validate/cuda/kernels/portable.h"

namespace terrace::cuda {

// Sum over a block of 32 n threads; every thread gets it. `room`: a float for each warp.
template <class Thread, class Combine>
TERRACE_BODY TERRACE_INLINE float over_block(Thread& t, float x, float* room, Combine combine) {
  for (int mask = 16; mask > 0; mask /= 2) x = combine(x, t.shuffle_xor(x, mask));
  t.sync();
  if (t.lane() == 0) room[t.warp()] = x;
  t.sync();
  x = room[0];
  for (int w = 1; w < t.threads() / 32; ++w) x = combine(x, room[w]);
  return x;
}

struct RmsNormArgs {  // residual += in; out = residual / rms(residual) * weight
  Number number = Number::bf16;
  const void* in = nullptr;  // null: nothing is added
  void* residual = nullptr;  // [rows][columns]
  const void* weight = nullptr;
  void* out = nullptr;  // [rows][columns]
  int rows = 0, columns = 0;
  float epsilon = 1e-5F;
};

template <class T>
struct RmsNorm {
  static constexpr int threads = 256;
  RmsNormArgs a;

  template <class Thread>
  TERRACE_BODY void operator()(Thread& t) const {
    const std::int64_t row = static_cast<std::int64_t>(t.x()) * a.columns;
    const T* in = a.in == nullptr ? nullptr : static_cast<const T*>(a.in) + row;
    T* residual = static_cast<T*>(a.residual) + row;
    T* out = static_cast<T*>(a.out) + row;
    float squares = 0;
    for (int i = t.thread(); i < a.columns; i += threads) {
      float x = to_float(residual[i]);
      if (in != nullptr) {
        residual[i] = from_float<T>(x + to_float(in[i]));
        x = to_float(residual[i]);
      }
      squares += x * x;
    }
    squares = over_block(t, squares, reinterpret_cast<float*>(t.shared()),
                         [](float x, float y) { return x + y; });
    const float inverse = 1 / sqrtf(squares / static_cast<float>(a.columns) + a.epsilon);
    for (int i = t.thread(); i < a.columns; i += threads)
      out[i] = from_float<T>(to_float(residual[i]) * inverse *
                             to_float(static_cast<const T*>(a.weight)[i]));
  }
};

struct RopeArgs {  // in place, the first `heads` heads of every row
  Number number = Number::bf16;
  void* data = nullptr;                     // [row][stride]
  const float* table = nullptr;             // [position][pair]: cosine, sine
  const std::int32_t* positions = nullptr;  // of each row
  int rows = 0, heads = 0, head_dim = 0, pairs = 0;
  std::int64_t stride = 0;
  bool interleaved = false;  // pairs are (2 i, 2 i + 1), else (i, i + pairs)
};

template <class T>
struct Rope {
  static constexpr int threads = 128;
  RopeArgs a;

  template <class Thread>
  TERRACE_BODY void operator()(Thread& t) const {
    const int row = t.x();
    T* data = static_cast<T*>(a.data) + row * a.stride;
    const float* turn = a.table + static_cast<std::int64_t>(a.positions[row]) * a.pairs * 2;
    for (int i = t.thread(); i < a.heads * a.pairs; i += threads) {
      const int head = i / a.pairs, pair = i % a.pairs;
      T& first = data[head * a.head_dim + (a.interleaved ? 2 * pair : pair)];
      T& second = data[head * a.head_dim + (a.interleaved ? 2 * pair + 1 : pair + a.pairs)];
      const float x = to_float(first), y = to_float(second);
      const float cosine = turn[2 * pair], sine = turn[2 * pair + 1];
      first = from_float<T>(x * cosine - y * sine);
      second = from_float<T>(x * sine + y * cosine);
    }
  }
};

struct SiluMulArgs {  // out = silu(gate) * up; gated false: out = silu(gate)
  Number number = Number::bf16;
  const void* in = nullptr;  // [row][gate, up]
  void* out = nullptr;       // [row][columns]
  int rows = 0, columns = 0;
  bool gated = true;
};

template <class T>
struct SiluMul {
  static constexpr int threads = 256;
  SiluMulArgs a;

  template <class Thread>
  TERRACE_BODY void operator()(Thread& t) const {
    const std::int64_t row = t.y();
    const T* in = static_cast<const T*>(a.in) + row * a.columns * (a.gated ? 2 : 1);
    const int i = t.x() * threads + t.thread();
    if (i >= a.columns) return;
    const float gate = to_float(in[i]);
    const float on = gate / (1 + exp2_fast(-1.4426950408889634F * gate));
    static_cast<T*>(a.out)[row * a.columns + i] =
        from_float<T>(a.gated ? on * to_float(in[a.columns + i]) : on);
  }
};

struct ArgmaxArgs {  // the first of the largest of each row
  Number number = Number::f32;
  const void* in = nullptr;  // [row][columns]
  std::int32_t* out = nullptr;
  int rows = 0, columns = 0;
};

template <class T>
struct Argmax {
  static constexpr int threads = 256;
  ArgmaxArgs a;

  template <class Thread>
  TERRACE_BODY void operator()(Thread& t) const {
    const T* in = static_cast<const T*>(a.in) + static_cast<std::int64_t>(t.x()) * a.columns;
    float top = -INFINITY;
    int at = a.columns;
    for (int i = t.thread(); i < a.columns; i += threads)
      if (const float x = to_float(in[i]); x > top || at == a.columns) {
        top = x;
        at = i;
      }
    float* tops = reinterpret_cast<float*>(t.shared());
    int* places = reinterpret_cast<int*>(tops + threads);
    tops[t.thread()] = top;
    places[t.thread()] = at;
    for (int half = threads / 2; half > 0; half /= 2) {
      t.sync();
      if (t.thread() >= half) continue;
      const int other = t.thread() + half;
      if (tops[other] > tops[t.thread()] ||
          (tops[other] == tops[t.thread()] && places[other] < places[t.thread()])) {
        tops[t.thread()] = tops[other];
        places[t.thread()] = places[other];
      }
    }
    if (t.thread() == 0) a.out[t.x()] = places[0];
  }
};

struct StreamArgs {  // reads so many vectors and writes so many, contiguous
  const void* in = nullptr;
  void* out = nullptr;
  std::int64_t read_vectors = 0, written_vectors = 0;  // of 16 bytes
  int blocks = 1;
};

struct StreamBytes {
  static constexpr int threads = 256;
  StreamArgs a;

  template <class Thread>
  TERRACE_BODY void operator()(Thread& t) const {
    const std::int64_t first = static_cast<std::int64_t>(t.x()) * threads + t.thread();
    const std::int64_t step = static_cast<std::int64_t>(a.blocks) * threads;
    const auto* in = static_cast<const Vector16*>(a.in);
    auto* out = static_cast<Vector16*>(a.out);
    Vector16 sum = {};
    std::int64_t i = first;
    for (; i < a.read_vectors; i += step) {
      const Vector16 x = in[i];
      for (int w = 0; w < 4; ++w) sum.words[w] ^= x.words[w];
      if (i < a.written_vectors) out[i] = sum;
    }
    for (; i < a.written_vectors; i += step) out[i] = sum;
    if (a.written_vectors == 0 && sum.words[0] == 0x7EAACEU && a.out != nullptr)
      out[0] = sum;  // never, but the reads cannot be left out
  }
};

template <class Launcher>
void launch_with(Launcher& to, const RmsNormArgs& a) {
  with_number(a.number, [&](auto number) {
    using Kernel = RmsNorm<decltype(number)>;
    to.launch("rms_norm", {a.rows, 1, 1, Kernel::threads, sizeof(float) * Kernel::threads / 32},
              Kernel{a});
  });
}
template <class Launcher>
void launch_with(Launcher& to, const RopeArgs& a) {
  with_number(a.number, [&](auto number) {
    using Kernel = Rope<decltype(number)>;
    to.launch("rope", {a.rows, 1, 1, Kernel::threads, 0}, Kernel{a});
  });
}
template <class Launcher>
void launch_with(Launcher& to, const SiluMulArgs& a) {
  with_number(a.number, [&](auto number) {
    using Kernel = SiluMul<decltype(number)>;
    to.launch("silu_mul",
              {ceil_div(a.columns, int{Kernel::threads}), a.rows, 1, Kernel::threads, 0},
              Kernel{a});
  });
}
template <class Launcher>
void launch_with(Launcher& to, const ArgmaxArgs& a) {
  with_number(a.number, [&](auto number) {
    using Kernel = Argmax<decltype(number)>;
    to.launch("argmax", {a.rows, 1, 1, Kernel::threads, std::size_t{8} * Kernel::threads},
              Kernel{a});
  });
}
template <class Launcher>
void launch_with(Launcher& to, const StreamArgs& a) {
  to.launch("stream", {a.blocks, 1, 1, StreamBytes::threads, 0}, StreamBytes{a});
}

}  // namespace terrace::cuda
