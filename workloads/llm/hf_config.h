// Reads a Hugging Face config.json as it is: its architecture's keys and defaults become
// ModelShape's.
#pragma once

#include <string>
#include <vector>

#include "sim/reader.h"

namespace terrace {

// True when the mapping says which transformers class it configures.
bool is_hf_config(const Node& mapping);
// Rewrites it in the words of ModelShape. Keys of ModelShape that stand beside those of Hugging
// Face win; an unknown architecture is a mistake that names the known ones.
void adapt_hf_config(Node& mapping, Reader& reader, const std::vector<std::string>& own_keys);
std::vector<std::string> hf_architectures();

}  // namespace terrace
