// Number formats of the tensors in a GGUF file: blocks of values that share their scales.
#pragma once

#include <cstdint>
#include <string>

namespace terrace {

struct BlockFormat {
  std::uint32_t id;  // ggml's number of the type
  const char* name;
  std::uint32_t values, bytes;  // of a block
  void (*decode)(const std::uint8_t* block, float* values);
};

const BlockFormat* find_block_format(std::uint32_t id);  // null: not supported
std::string block_format_names();                        // that are supported
std::string block_format_name(std::uint32_t id);  // also of those that are known, not supported

}  // namespace terrace
