// A Llama model in doubles, one token at a time, straight from the definition.
#pragma once

#include <cmath>
#include <vector>

#include "workloads/capture/model.h"

namespace terrace::test {

class SlowModel {
 public:
  explicit SlowModel(const LlamaModel& model) : m_(model), cache_(model.layers.size()) {}

  // Logits after this token.
  std::vector<double> run(std::int32_t token) {
    const auto n = static_cast<std::size_t>(m_.shape.hidden);
    std::vector<double> x(n);
    for (std::size_t i = 0; i < n; ++i)
      x[i] = static_cast<double>(m_.embedding[static_cast<std::size_t>(token) * n + i]);
    for (std::size_t l = 0; l < m_.layers.size(); ++l) {
      const LlamaLayer& w = m_.layers[l];
      const auto normed = norm(x, w.attention_norm);
      add(x, times(w.output, attend(l, times(w.query, normed), times(w.key, normed),
                                    times(w.value, normed))));
      const auto again = norm(x, w.ffn_norm);
      auto gate = times(w.gate, again);
      const auto up = times(w.up, again);
      for (std::size_t i = 0; i < gate.size(); ++i)
        gate[i] = gate[i] / (1 + std::exp(-gate[i])) * up[i];
      add(x, times(w.down, gate));
    }
    ++position_;
    return times(m_.head(), norm(x, m_.output_norm));
  }

 private:
  using Vector = std::vector<double>;
  struct Cache {
    std::vector<Vector> k, v;
  };

  static void add(Vector& x, const Vector& y) {
    for (std::size_t i = 0; i < x.size(); ++i) x[i] += y[i];
  }
  static Vector times(const std::vector<float>& matrix, const Vector& x) {
    Vector y(matrix.size() / x.size());
    for (std::size_t r = 0; r < y.size(); ++r)
      for (std::size_t c = 0; c < x.size(); ++c)
        y[r] += static_cast<double>(matrix[r * x.size() + c]) * x[c];
    return y;
  }
  Vector norm(const Vector& x, const std::vector<float>& weight) const {
    double squares = 0;
    for (const double v : x) squares += v * v;
    const double root =
        std::sqrt(squares / static_cast<double>(x.size()) + static_cast<double>(m_.norm_epsilon));
    Vector y(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) y[i] = x[i] / root * static_cast<double>(weight[i]);
    return y;
  }
  // Pair i turns by position x base^(-2i/d): neighbours, or the two halves of the head.
  void rotate(Vector& x) const {
    const auto d = static_cast<std::size_t>(m_.shape.head_dim);
    const bool halves = m_.shape.rope.pairing() == Rope::Pairing::halves;
    for (std::size_t h = 0; h < x.size(); h += d)
      for (std::size_t i = 0; i < d / 2; ++i) {
        const double angle =
            static_cast<double>(position_) *
            std::pow(m_.rope_base, -2.0 * static_cast<double>(i) / static_cast<double>(d));
        double& a = x[h + (halves ? i : 2 * i)];
        double& b = x[h + (halves ? i + d / 2 : 2 * i + 1)];
        const double turned = a * std::cos(angle) - b * std::sin(angle);
        b = a * std::sin(angle) + b * std::cos(angle);
        a = turned;
      }
  }
  Vector attend(std::size_t layer, Vector q, Vector k, const Vector& v) {
    rotate(q);
    rotate(k);
    Cache& cache = cache_[layer];
    cache.k.push_back(k);
    cache.v.push_back(v);
    const auto d = static_cast<std::size_t>(m_.shape.head_dim);
    const std::size_t group = static_cast<std::size_t>(m_.shape.heads / m_.shape.kv_heads);
    Vector out(q.size());
    for (std::size_t h = 0; h < q.size() / d; ++h) {
      const std::size_t kv = h / group * d;
      Vector weight;
      double sum = 0;
      for (const Vector& key : cache.k) {
        double dot = 0;
        for (std::size_t i = 0; i < d; ++i) dot += q[h * d + i] * key[kv + i];
        weight.push_back(std::exp(dot / std::sqrt(static_cast<double>(d))));
        sum += weight.back();
      }
      for (std::size_t t = 0; t < weight.size(); ++t)
        for (std::size_t i = 0; i < d; ++i) out[h * d + i] += weight[t] / sum * cache.v[t][kv + i];
    }
    return out;
  }

  const LlamaModel& m_;
  std::vector<Cache> cache_;
  std::int64_t position_ = 0;
};

}  // namespace terrace::test
