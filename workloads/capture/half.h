// IEEE 754 half precision and bfloat16, to and from float.
#pragma once

#include <cstdint>
#include <cstring>

namespace terrace {

inline float float_of_bits(std::uint32_t bits) {
  float out;
  std::memcpy(&out, &bits, sizeof out);
  return out;
}
inline std::uint32_t bits_of_float(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

inline float float_of_bfloat16(std::uint16_t b) {
  return float_of_bits(static_cast<std::uint32_t>(b) << 16);
}

inline float float_of_half(std::uint16_t h) {
  const std::uint32_t sign = static_cast<std::uint32_t>(h & 0x8000U) << 16;
  const std::uint32_t exponent = (h >> 10) & 0x1FU, fraction = h & 0x3FFU;
  if (exponent == 0) {  // zero or subnormal: fraction x 2^-24
    const float magnitude = static_cast<float>(fraction) * 0x1p-24F;
    return sign != 0 ? -magnitude : magnitude;
  }
  const std::uint32_t wide = exponent == 0x1F ? 0xFFU : exponent + 112;
  return float_of_bits(sign | wide << 23 | fraction << 13);
}

inline constexpr float largest_half = 65504.0F;

// The nearest, ties to even. Magnitudes from 65520 on and NaN become infinity: callers look first.
inline std::uint16_t half_of_float(float value) {
  const std::uint32_t bits = bits_of_float(value);
  const auto sign = static_cast<std::uint16_t>(bits >> 16 & 0x8000U);
  const std::uint32_t magnitude = bits & 0x7FFFFFFFU;
  if (magnitude >= 0x477FF000U) return sign | 0x7C00U;
  if (magnitude < 0x38800000U) {  // below 2^-14: in steps of 2^-24; the sum rounds to even
    const std::uint32_t sum = bits_of_float(float_of_bits(magnitude) + 0.5F);
    return static_cast<std::uint16_t>(sign | (sum - bits_of_float(0.5F)));
  }
  const std::uint32_t rounded = magnitude + 0xFFFU + (magnitude >> 13 & 1U);
  return static_cast<std::uint16_t>(sign | (rounded - 0x38000000U) >> 13);
}

}  // namespace terrace
