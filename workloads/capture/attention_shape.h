// The attention of a model in numbers, and views of the matrices that pass through it.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace terrace {

// Rows of floats, one after the other, that someone else owns.
struct MatrixView {
  const float* data = nullptr;
  std::int64_t rows = 0, columns = 0;
  const float* row(std::int64_t i) const { return data + i * columns; }
  std::int64_t size() const { return rows * columns; }
  bool empty() const { return data == nullptr; }
};

// Rotary position embedding (Su et al. 2021). A pair of channels i turns by position x
// frequency[i]. Pairs are (2i, 2i+1) when interleaved (llama2.c, and Llama models in GGUF, whose Q
// and K rows were permuted for it) and (i, i + n/2) when halves (GPT-NeoX, Hugging Face). Channels
// past 2 x frequencies stay.
class Rope {
 public:
  enum class Pairing { interleaved, halves };
  Rope() = default;
  Rope(Pairing pairing, std::vector<double> frequencies)
      : pairing_(pairing), frequencies_(std::move(frequencies)) {}
  static std::vector<double> plain(double base, std::int64_t channels);  // base^(-2i/channels)

  void rotate(float* row, std::int64_t position) const;       // one head's channels, in place
  void rotate_back(float* row, std::int64_t position) const;  // its inverse
  // For many rows of one position: a sine and a cosine for each frequency, computed once.
  void angles(std::int64_t position, float* cosines, float* sines) const;
  void turn(float* row, const float* cosines, const float* sines) const;
  Pairing pairing() const { return pairing_; }
  const std::vector<double>& frequencies() const { return frequencies_; }

 private:
  Pairing pairing_ = Pairing::interleaved;
  std::vector<double> frequencies_;
};

struct KvShape {
  std::int64_t layers = 0, heads = 0, kv_heads = 0, head_dim = 0;
  std::int64_t hidden = 0;   // channels of a layer's input
  std::int64_t context = 0;  // the longest sequence that the model was made for
  float scale = 0;           // of q.k before the softmax: 1/sqrt(head_dim)
  Rope rope;
  std::int64_t group() const { return heads / kv_heads; }  // query heads of a KV head
  std::int64_t kv_head(std::int64_t head) const { return head / group(); }
};

// Projections of a layer's normed input, a row for each output channel: k = key * x. The channels
// of head h are the rows from h * head_dim on; the results are pre-RoPE. Empty where not known.
struct AttentionWeights {
  MatrixView query, key, value;
};

// What a policy may know of a model before the first token. The views live as long as the model.
struct AttentionModel {
  KvShape shape;
  std::vector<AttentionWeights> weights;  // of each layer; empty where not known
};

}  // namespace terrace
