// Reads small text files whole, and finds what is not text in them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace terrace {

// False when the file cannot be read, is a directory or is larger than 16 MiB: `why` says which.
bool read_text_file(const std::string& file, std::string& text, std::string& why);

struct NonText {
  int line = 1, column = 1;
  std::string what;
};
// The first byte that is not UTF-8 or is a control character.
std::optional<NonText> find_non_text(std::string_view text);

}  // namespace terrace
