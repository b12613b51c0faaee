// Keeping a prompt, and showing it again.
#include "workloads/kv/shared_prompt.h"

#include <algorithm>
#include <cmath>

namespace terrace {
namespace {

std::size_t size(std::int64_t n) { return static_cast<std::size_t>(n); }

// The largest error of a whole layer's output that rounding makes.
constexpr double rounding = 1e-4;

}  // namespace

void SharedPrompt::begin(const AttentionModel& model) {
  shape_ = model.shape;
  full_ = std::make_unique<FullAttention>();
  full_->begin(model);
  const KvShape& s = shape_;
  const std::int64_t a_token =
      (3 * s.heads + 3 * s.kv_heads) * s.head_dim + 2 * s.hidden;  // out is as wide as q
  if (4.0 * static_cast<double>(a_token * tokens_ * s.layers) > most_) return;
  positions_.resize(size(tokens_));
  layers_.resize(size(s.layers));
  for (Layer& l : layers_) {
    for (std::vector<float>* of : {&l.q, &l.q_raw, &l.out})
      of->resize(size(s.heads * tokens_ * s.head_dim));
    for (std::vector<float>* of : {&l.k, &l.k_raw, &l.v})
      of->resize(size(s.kv_heads * tokens_ * s.head_dim));
    for (std::vector<float>* of : {&l.x, &l.residual}) of->resize(size(tokens_ * s.hidden));
  }
}

void SharedPrompt::attend(const LayerTokens& in, float* out) {
  full_->attend(in, out);
  const std::int64_t first = in.positions[0], n = std::min(in.tokens, tokens_ - first);
  if (layers_.empty() || n <= 0) return;
  Layer& l = layers_[size(in.layer)];
  std::copy_n(in.positions, n, positions_.begin() + first);
  const std::int64_t d = shape_.head_dim;
  const auto heads = [&](const float* from, std::int64_t count, std::vector<float>& to) {
    for (std::int64_t h = 0; h < count; ++h)
      std::copy_n(from + h * in.tokens * d, n * d, to.data() + (h * tokens_ + first) * d);
  };
  heads(in.q, shape_.heads, l.q);
  heads(in.q_raw, shape_.heads, l.q_raw);
  heads(in.k, shape_.kv_heads, l.k);
  heads(in.k_raw, shape_.kv_heads, l.k_raw);
  heads(in.v, shape_.kv_heads, l.v);
  std::copy_n(in.x, n * in.hidden, l.x.data() + first * in.hidden);
  std::copy_n(in.residual, n * in.hidden, l.residual.data() + first * in.hidden);
  const std::int64_t wide = shape_.heads * d;
  std::copy_n(out, n * wide, l.out.data() + first * wide);
}

void SharedPrompt::recorded() { full_.reset(); }

bool SharedPrompt::replay(AttentionHook& hook, bool sure) const {
  if (layers_.empty()) return false;
  std::vector<float> out;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const Layer& l = layers_[i];
    out.resize(l.out.size());
    hook.attend({static_cast<std::int64_t>(i), tokens_, positions_.data(), l.q.data(), l.k.data(),
                 l.q_raw.data(), l.k_raw.data(), l.v.data(), l.x.data(), l.residual.data(),
                 shape_.head_dim, shape_.hidden},
                sure ? nullptr : out.data());
    if (sure) continue;
    double off = 0, all = 0;
    for (std::size_t n = 0; n < out.size(); ++n) {
      const double want = static_cast<double>(l.out[n]), got = static_cast<double>(out[n]);
      off += (got - want) * (got - want);
      all += want * want;
    }
    if (!(off <= rounding * rounding * all)) return false;
  }
  hook.step_end();
  return true;
}

}  // namespace terrace
