// Finds out what a model file is, and reads it.
#include "workloads/capture/model.h"

#include <algorithm>
#include <filesystem>
#include <memory>

namespace terrace {
namespace {

std::string find_tokenizer(const MappedFile& model) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::path(model.name()).parent_path();
  std::error_code why;
  if (fs::exists(folder / "tokenizer.bin", why)) return (folder / "tokenizer.bin").string();
  std::vector<std::string> found;
  for (const auto& entry : fs::directory_iterator(folder.empty() ? "." : folder, why)) {
    const std::string name = entry.path().filename().string();
    if (name.rfind("tok", 0) == 0 && entry.path().extension() == ".bin")
      found.push_back(entry.path().string());
  }
  if (found.size() == 1) return found.front();
  model.fail(found.empty() ? "no tokenizer.bin beside it; name one with --tokenizer"
                           : "several tok*.bin beside it; name one with --tokenizer");
}

}  // namespace

std::int64_t LlamaModel::parameters() const {
  std::size_t all = embedding.size() + output_norm.size() + output.size();
  for (const LlamaLayer& l : layers)
    all += l.attention_norm.size() + l.query.size() + l.key.size() + l.value.size() +
           l.output.size() + l.ffn_norm.size() + l.gate.size() + l.up.size() + l.down.size();
  return static_cast<std::int64_t>(all);
}

AttentionModel LlamaModel::attention() const {
  AttentionModel model;
  model.shape = shape;
  const std::int64_t q = shape.heads * shape.head_dim, kv = shape.kv_heads * shape.head_dim;
  for (const LlamaLayer& l : layers)
    model.weights.push_back({{l.query.data(), q, shape.hidden},
                             {l.key.data(), kv, shape.hidden},
                             {l.value.data(), kv, shape.hidden}});
  return model;
}

LlamaModel load_model(const MappedFile& file, const std::string& tokenizer) {
  if (file.bytes().substr(0, 4) == "GGUF") {
    if (!tokenizer.empty())
      file.fail("a GGUF file brings its own tokenizer: leave --tokenizer out");
    return load_gguf_model(file);
  }
  LlamaModel model = load_llama2c_model(file);
  const MappedFile vocabulary(tokenizer.empty() ? find_tokenizer(file) : tokenizer);
  model.tokenizer = llama2c_tokenizer(vocabulary, model.vocabulary);
  return model;
}

LlamaModel load_model(const std::string& file, const std::string& tokenizer) {
  return load_model(MappedFile(file), tokenizer);
}

}  // namespace terrace
