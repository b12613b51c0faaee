// The transformers classes that can be read, as data: hf_config.cpp does the reading.
#pragma once

#include <vector>

namespace terrace {

struct HfArchitecture {
  const char* name;         // in `architectures`
  const char* model_type;   // in `model_type`
  const char* defaults;     // YAML, in the words of its config.json
  const char* fixed;        // YAML, in the words of ModelShape
  int learned_beyond = -1;  // rows of its position table beyond the last position; -1: rotary
};
const std::vector<HfArchitecture>& hf_architecture_table();

}  // namespace terrace
