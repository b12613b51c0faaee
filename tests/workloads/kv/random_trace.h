// A captured text that never was: random queries, keys and values of any shape.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "sim/random.h"
#include "workloads/kv/attention_trace.h"

namespace terrace {

// Normal numbers, the queries drawn to a few of the keys so that attention is uneven.
class RandomTrace final : public AttentionTrace {
 public:
  struct Size {
    std::int64_t tokens = 96, layers = 2, heads = 4, kv_heads = 2, head_dim = 16, hidden = 24;
    bool rope = true;
  };
  explicit RandomTrace(std::uint64_t seed = 1) : RandomTrace(seed, Size()) {}
  RandomTrace(std::uint64_t seed, Size size);
  const KvShape& shape() const override { return shape_; }
  std::int64_t tokens() const override { return tokens_; }
  TraceTensors layer(std::int64_t layer) const override;
  const std::uint8_t* tags() const override { return tags_.data(); }
  std::vector<std::uint8_t>& tags() { return tags_; }

 private:
  KvShape shape_;
  std::int64_t tokens_;
  std::vector<std::vector<float>> data_;  // by layer: q of all heads, k, v, x
  std::vector<std::uint8_t> tags_;
};

inline RandomTrace::RandomTrace(std::uint64_t seed, Size size) : tokens_(size.tokens) {
  shape_.layers = size.layers;
  shape_.heads = size.heads;
  shape_.kv_heads = size.kv_heads;
  shape_.head_dim = size.head_dim;
  shape_.hidden = size.hidden;
  shape_.context = size.tokens;
  shape_.scale = 1 / std::sqrt(static_cast<float>(size.head_dim));
  if (size.rope) {
    std::vector<double> frequencies;
    for (std::int64_t i = 0; i < size.head_dim / 2; ++i)
      frequencies.push_back(
          std::pow(10000.0, -2.0 * static_cast<double>(i) / static_cast<double>(size.head_dim)));
    shape_.rope = Rope(Rope::Pairing::halves, frequencies);
  }
  tags_.assign(static_cast<std::size_t>(size.tokens), 0);
  const std::int64_t width = (size.heads + 2 * size.kv_heads) * size.head_dim + size.hidden;
  for (std::int64_t l = 0; l < size.layers; ++l) {
    RandomStream random(seed, "trace layer " + std::to_string(l));
    std::vector<float> data(static_cast<std::size_t>(width * size.tokens));
    for (float& x : data) x = static_cast<float>(random.normal());
    // A query looks for one of the keys before it.
    const std::int64_t dim = size.head_dim;
    for (std::int64_t h = 0; h < size.heads; ++h)
      for (std::int64_t t = 0; t < size.tokens; ++t) {
        const std::int64_t target = random.integer(0, t), kv = h / shape_.group();
        float* q = &data[static_cast<std::size_t>((h * size.tokens + t) * dim)];
        const float* k =
            &data[static_cast<std::size_t>(((size.heads + kv) * size.tokens + target) * dim)];
        for (std::int64_t c = 0; c < dim; ++c) q[c] += k[c];
      }
    data_.push_back(std::move(data));
  }
}

inline TraceTensors RandomTrace::layer(std::int64_t layer) const {
  const float* next = data_[static_cast<std::size_t>(layer)].data();
  TraceTensors t;
  const auto take = [&](std::int64_t width) {
    const RowsView m(next, tokens_, width, width);
    next += tokens_ * width;
    return m;
  };
  for (std::int64_t h = 0; h < shape_.heads; ++h) t.q.push_back(take(shape_.head_dim));
  for (std::int64_t h = 0; h < shape_.kv_heads; ++h) t.k.push_back(take(shape_.head_dim));
  for (std::int64_t h = 0; h < shape_.kv_heads; ++h) t.v.push_back(take(shape_.head_dim));
  t.x = take(shape_.hidden);
  return t;
}

}  // namespace terrace
