// Characters of a UTF-8 text and their Unicode class.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace terrace {

enum class CharacterClass : std::uint8_t { letter, number, space, other };
CharacterClass class_of(char32_t character);

struct Character {
  char32_t value = 0;
  std::size_t bytes = 1;
  bool valid = true;  // false: a byte that is not UTF-8, taken by itself
};

// The character that starts at `at`, which is inside the text.
inline Character character_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U;
  };
  const unsigned first = byte(0);
  if (first < 0x80) return {first, 1, true};
  const std::size_t n = first >= 0xC2 && first < 0xE0   ? 2
                        : (first & 0xF0) == 0xE0        ? 3
                        : first >= 0xF0 && first < 0xF5 ? 4
                                                        : 0;
  char32_t value = n == 2 ? first & 0x1F : n == 3 ? first & 0x0F : first & 0x07;
  for (std::size_t i = 1; i < n; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {0xFFFD, 1, false};
    value = value << 6 | (byte(i) & 0x3F);
  }
  const bool overlong = n == 3 ? value < 0x800 : n == 4 && value < 0x10000;
  if (n == 0 || overlong || (value >= 0xD800 && value < 0xE000) || value > 0x10FFFF)
    return {0xFFFD, 1, false};
  return {value, n, true};
}

}  // namespace terrace
