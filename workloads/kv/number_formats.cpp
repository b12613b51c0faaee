// Rounding to narrow floating-point formats, by the definition of each.
#include "workloads/kv/number_formats.h"

#include <algorithm>

#include "workloads/capture/half.h"

namespace terrace {
namespace {

// Sign, exponent and mantissa of the nearest number of a format; codes grow with magnitude.
std::uint32_t narrow(float x, int exponent_bits, int mantissa_bits, std::uint32_t most) {
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const std::uint32_t sign = std::signbit(x) ? 1U << (exponent_bits + mantissa_bits) : 0;
  const double a = std::fabs(static_cast<double>(x));
  if (std::isnan(x) || a == 0) return sign | (std::isnan(x) ? most + 1 : 0);
  if (std::isinf(x)) return sign | most;
  int exponent = 0;
  std::frexp(a, &exponent);
  const int e = std::max(exponent - 1, 1 - bias);
  // In units of the last place at this exponent; nearbyint rounds to even.
  const double units = std::nearbyint(std::ldexp(a, mantissa_bits - e));
  const auto code = static_cast<std::uint64_t>(units) +
                    (static_cast<std::uint64_t>(e + bias - 1) << mantissa_bits);
  return sign | static_cast<std::uint32_t>(std::min<std::uint64_t>(code, most));
}

float widen(std::uint32_t code, int exponent_bits, int mantissa_bits) {
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const std::uint32_t magnitude = code & ((1U << (exponent_bits + mantissa_bits)) - 1);
  const auto e = static_cast<int>(magnitude >> mantissa_bits);
  const std::uint32_t m = magnitude & ((1U << mantissa_bits) - 1);
  const double value =
      e == 0 ? std::ldexp(static_cast<double>(m), 1 - bias - mantissa_bits)
             : std::ldexp(static_cast<double>(m + (1U << mantissa_bits)), e - bias - mantissa_bits);
  return static_cast<float>((code >> (exponent_bits + mantissa_bits)) != 0 ? -value : value);
}

}  // namespace

std::uint16_t to_half(float x) { return std::isnan(x) ? 0x7E00 : half_of_float(x); }
float from_half(std::uint16_t h) { return float_of_half(h); }
std::uint8_t to_fp8_e4m3(float x) { return static_cast<std::uint8_t>(narrow(x, 4, 3, 0x7E)); }
float from_fp8_e4m3(std::uint8_t b) { return (b & 0x7F) == 0x7F ? NAN : widen(b, 4, 3); }
std::uint8_t to_fp8_e5m2(float x) { return static_cast<std::uint8_t>(narrow(x, 5, 2, 0x7B)); }
float from_fp8_e5m2(std::uint8_t b) { return (b & 0x7F) > 0x7B ? NAN : widen(b, 5, 2); }

}  // namespace terrace
