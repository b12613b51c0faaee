// Reads text files whole and checks UTF-8.
#include "sim/text_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

namespace terrace {
namespace {

constexpr std::size_t max_file_bytes = 16 * 1024 * 1024;

// The length of the UTF-8 character at s, or 0 if it is not one.
std::size_t utf8_length(std::string_view s) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(s[i]); };
  const unsigned char c = byte(0);
  const std::size_t n = c < 0x80                ? 1
                        : c >= 0xC2 && c < 0xE0 ? 2
                        : (c & 0xF0) == 0xE0    ? 3
                        : c >= 0xF0 && c < 0xF5 ? 4
                                                : 0;
  if (n == 0 || n > s.size()) return 0;
  for (std::size_t i = 1; i < n; ++i)
    if ((byte(i) & 0xC0) != 0x80) return 0;
  if (c == 0xE0 && byte(1) < 0xA0) return 0;   // overlong
  if (c == 0xED && byte(1) >= 0xA0) return 0;  // a surrogate
  if (c == 0xF0 && byte(1) < 0x90) return 0;   // overlong
  if (c == 0xF4 && byte(1) >= 0x90) return 0;  // past U+10FFFF
  return n;
}

}  // namespace

bool read_text_file(const std::string& file, std::string& text, std::string& why) {
  std::error_code ignored;
  if (std::filesystem::is_directory(file, ignored)) {
    why = "Is a directory";
    return false;
  }
  if (std::filesystem::exists(file, ignored) && !std::filesystem::is_regular_file(file, ignored)) {
    why = "Not a regular file";  // a pipe would wait for ever
    return false;
  }
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> in(std::fopen(file.c_str(), "rb"),
                                                           &std::fclose);
  char buffer[65536];
  while (in && text.size() <= max_file_bytes) {
    const std::size_t n = std::fread(buffer, 1, sizeof buffer, in.get());
    text.append(buffer, n);
    if (n < sizeof buffer) break;
  }
  if (!in || std::ferror(in.get()))
    why = std::strerror(errno);
  else if (text.size() > max_file_bytes)
    why = "larger than 16MiB, too large for a config";
  else
    return true;
  return false;
}

std::optional<NonText> find_non_text(std::string_view text) {
  NonText place;
  for (std::size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    const std::size_t n = utf8_length(text.substr(i));
    if (n == 0)
      return NonText{place.line, place.column, fmt::format("not UTF-8 text (byte 0x{:02x})", c)};
    if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7F)
      return NonText{place.line, place.column,
                     fmt::format("not text (control character 0x{:02x})", c)};
    if (c == '\n') {
      ++place.line;
      place.column = 1;
    } else {
      ++place.column;
    }
    i += n;
  }
  return std::nullopt;
}

}  // namespace terrace
