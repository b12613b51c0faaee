// What kernels are written with: one source, compiled for the GPU by nvcc and for the host, where
// tests run the same arithmetic thread by thread (host_block.h).
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#if defined(__CUDACC__)
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#define TERRACE_BODY __device__           // of a kernel: where this file is compiled for
#define TERRACE_BOTH __host__ __device__  // index arithmetic, asked on either side
#define TERRACE_INLINE __forceinline__
#define TERRACE_UNROLL _Pragma("unroll")
#else
#include "workloads/capture/half.h"
#define TERRACE_BODY
#define TERRACE_BOTH
#define TERRACE_INLINE inline
#define TERRACE_UNROLL
#endif

namespace terrace::cuda {

enum class Number : std::uint8_t { f32, f16, bf16 };
constexpr int bytes_of(Number n) { return n == Number::f32 ? 4 : 2; }

struct F16 {
  std::uint16_t bits;
};
struct Bf16 {
  std::uint16_t bits;
};

#if defined(__CUDACC__)
TERRACE_BODY TERRACE_INLINE float to_float(float x) { return x; }
TERRACE_BODY TERRACE_INLINE float to_float(F16 x) { return __half2float(__ushort_as_half(x.bits)); }
TERRACE_BODY TERRACE_INLINE float to_float(Bf16 x) {
  return __uint_as_float(static_cast<std::uint32_t>(x.bits) << 16);
}
template <class T>
TERRACE_BODY TERRACE_INLINE T from_float(float x) {
  if constexpr (sizeof(T) == 4) {
    return x;
  } else if constexpr (std::is_same_v<T, F16>) {
    return {__half_as_ushort(__float2half_rn(x))};
  } else {
    return {__bfloat16_as_ushort(__float2bfloat16_rn(x))};
  }
}
TERRACE_BODY TERRACE_INLINE float exp2_fast(float x) { return exp2f(x); }
TERRACE_BODY TERRACE_INLINE std::uint32_t bits_of(float x) { return __float_as_uint(x); }
#else
inline float to_float(float x) { return x; }
inline float to_float(F16 x) { return float_of_half(x.bits); }
inline float to_float(Bf16 x) { return float_of_bfloat16(x.bits); }
inline std::uint16_t bfloat16_of_float(float x) {  // the nearest, ties to even; NaN stays NaN
  const std::uint32_t bits = bits_of_float(x);
  if ((bits & 0x7FFFFFFFU) > 0x7F800000U) return static_cast<std::uint16_t>(bits >> 16 | 0x40U);
  return static_cast<std::uint16_t>((bits + 0x7FFFU + (bits >> 16 & 1U)) >> 16);
}
template <class T>
T from_float(float x);
template <>
inline float from_float<float>(float x) {
  return x;
}
template <>
inline F16 from_float<F16>(float x) {
  return {half_of_float(x)};
}
template <>
inline Bf16 from_float<Bf16>(float x) {
  return {bfloat16_of_float(x)};
}
inline float exp2_fast(float x) { return __builtin_exp2f(x); }
inline std::uint32_t bits_of(float x) { return bits_of_float(x); }
#endif

// Two numbers side by side in a register, the first in the low half.
template <class T>
TERRACE_BODY TERRACE_INLINE std::uint32_t pack_two(float first, float second) {
  return from_float<T>(first).bits | static_cast<std::uint32_t>(from_float<T>(second).bits) << 16;
}

struct alignas(16) Vector16 {  // what one load moves
  std::uint32_t words[4];
};

template <class T>
constexpr Number number_of() {
  return sizeof(T) == 4 ? Number::f32 : std::is_same_v<T, F16> ? Number::f16 : Number::bf16;
}

// Calls f with a value of the type that `number` names.
template <class F>
void with_number(Number number, F&& f) {
  switch (number) {
    case Number::f32:
      return f(0.0F);
    case Number::f16:
      return f(F16{});
    case Number::bf16:
      return f(Bf16{});
  }
}

template <class A, class B>
TERRACE_BOTH constexpr auto ceil_div(A a, B b) {
  return (a + b - 1) / b;
}
template <class T>
TERRACE_BOTH constexpr T least(T a, T b) {
  return b < a ? b : a;
}
template <class T>
TERRACE_BOTH constexpr T greatest(T a, T b) {
  return a < b ? b : a;
}

struct Grid {
  int x = 1, y = 1, z = 1;
  int threads = 128;
  std::size_t shared = 0;  // B
};

// What a call does with memory: so that plans can move it and tests can check it.
enum class Use : std::uint8_t { read, write, both };

}  // namespace terrace::cuda
