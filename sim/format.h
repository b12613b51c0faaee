// Number formats of weights, activations and KV entries, with their width.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace terrace {

enum class Format : std::uint8_t { fp64, fp32, tf32, bf16, fp16, fp8, int8, fp4, int4 };
inline constexpr std::size_t format_count = 9;
inline constexpr std::array<std::string_view, format_count> format_names = {
    "fp64", "fp32", "tf32", "bf16", "fp16", "fp8", "int8", "fp4", "int4"};

constexpr double bits_of(Format f) {
  constexpr std::array<double, format_count> bits = {64, 32, 32, 16, 16, 8, 8, 4, 4};
  return bits[static_cast<std::size_t>(f)];
}
constexpr double bytes_of(Format f) { return bits_of(f) / 8.0; }
constexpr std::string_view name_of(Format f) { return format_names[static_cast<std::size_t>(f)]; }

}  // namespace terrace
