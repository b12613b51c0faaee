// Text to token ids and back, with the vocabulary that came with the model.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "workloads/capture/mapped_file.h"

namespace terrace {

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;
  // The text as it stands: nothing in it is taken for a control token. A token that starts every
  // sequence is put in front where the model wants one.
  virtual std::vector<std::int32_t> encode(std::string_view text) const = 0;
  virtual std::string decode(const std::vector<std::int32_t>& tokens) const = 0;
  virtual std::int64_t vocabulary() const = 0;
  virtual std::int32_t first_token() const = 0;  // -1: none
};

class GgufFile;
std::shared_ptr<const Tokenizer> gguf_tokenizer(const GgufFile& gguf);
// The tokenizer.bin of llama2.c, for a model of so many tokens.
std::shared_ptr<const Tokenizer> llama2c_tokenizer(const MappedFile& file, std::int64_t tokens);

}  // namespace terrace
