// A Llama-architecture model: its shape, its weights as floats and its tokenizer.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "workloads/capture/attention_shape.h"
#include "workloads/capture/mapped_file.h"
#include "workloads/capture/tokenizer.h"
#include "workloads/capture/vector_kernels.h"

namespace terrace {

// Matrices have a row for each output channel.
struct LlamaLayer {
  std::vector<float> attention_norm, query, key, value, output;
  std::vector<float> ffn_norm, gate, up, down;
};

// The same weights as the file stores them, for steps of one token: memory, not arithmetic, is what
// those wait for. Empty where the floats are used; whoever changes the floats empties them.
struct PackedLayer {
  PackedMatrix query, key, value, output, gate, up, down;
};

struct LlamaModel {
  std::string file, name;
  KvShape shape;
  double rope_base = 0;
  float norm_epsilon = 0;
  std::int64_t ffn = 0, vocabulary = 0;
  std::vector<LlamaLayer> layers;
  std::vector<float> embedding, output_norm;
  std::vector<float> output;        // empty: tied to the embedding
  std::vector<PackedLayer> packed;  // of each layer, or none
  PackedMatrix packed_head;
  std::shared_ptr<const Tokenizer> tokenizer;

  const std::vector<float>& head() const { return output.empty() ? embedding : output; }
  std::int64_t parameters() const;
  AttentionModel attention() const;  // views into this
};

// GGUF or llama2.c's .bin, told apart by what is in the file. Throws CaptureError. `tokenizer`: for
// llama2.c; "" looks for tokenizer.bin or the only tok*.bin beside the model.
LlamaModel load_model(const std::string& file, const std::string& tokenizer = "");
LlamaModel load_model(const MappedFile& file, const std::string& tokenizer = "");
LlamaModel load_gguf_model(const MappedFile& file);
LlamaModel load_llama2c_model(const MappedFile& file);  // without its tokenizer

}  // namespace terrace
