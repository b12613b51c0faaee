// Cuts a text into the pieces inside which byte-pair merges may happen.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace terrace {

// Pieces follow each other without a gap. Null: not supported.
using PreTokenizer = std::vector<std::string_view> (*)(std::string_view text);
PreTokenizer find_pre_tokenizer(const std::string& name);  // tokenizer.ggml.pre
std::string pre_tokenizer_names();

}  // namespace terrace
