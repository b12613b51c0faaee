// Numbers to compute with: what a GPU multiplies decides the power it draws, and so its clock.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/random.h"
#include "validate/cuda/device.h"

namespace terrace::cuda {

// bf16 numbers in (-1, 1), uniform; two bytes each.
inline std::vector<std::uint16_t> random_bf16(std::size_t count, std::uint64_t seed) {
  RandomStream random(seed, "fill");
  std::vector<std::uint16_t> out(count);
  for (std::uint16_t& x : out) {
    const auto number = static_cast<float>(random.uniform(-1, 1));
    std::uint32_t bits = 0;
    static_assert(sizeof number == sizeof bits);
    __builtin_memcpy(&bits, &number, sizeof bits);
    x = static_cast<std::uint16_t>(bits >> 16);  // towards zero
  }
  return out;
}

// e4m3 numbers below 2 in magnitude, every pattern as likely; never a NaN.
inline std::vector<std::uint8_t> random_fp8(std::size_t count, std::uint64_t seed) {
  RandomStream random(seed, "fill");
  std::vector<std::uint8_t> out(count);
  for (std::uint8_t& x : out) {
    const std::uint64_t bits = random.bits();
    x = static_cast<std::uint8_t>((bits & 0x80) | (bits >> 8) % 0x40);  // 0x40 is 2.0
  }
  return out;
}

// Repeats `pattern` over the whole buffer.
void fill_with(const DeviceBuffer& buffer, const void* pattern, std::size_t bytes);

}  // namespace terrace::cuda
