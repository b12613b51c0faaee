// The forward pass: RMSNorm, projections, rotation, the hook, SwiGLU.
// Source: Llama 2 (Touvron et al. 2023); the order of operations is that of llama2.c's run.c.
#include "workloads/capture/llama_executor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "workloads/capture/blas.h"
#include "workloads/capture/workers.h"

namespace terrace {
namespace {

// out[rows][outputs] = in[rows][inputs] * weight^T
void project(const std::vector<float>& weight, const PackedMatrix& packed,
             const std::vector<float>& in, std::int64_t rows, std::int64_t inputs,
             std::int64_t outputs, float* out, bool add = false) {
  if (rows == 1 && !packed.empty())
    multiply_packed(packed, outputs, inputs, in.data(), out, add);
  else
    multiply_by_rows(rows, outputs, inputs, {in.data(), inputs}, {weight.data(), inputs}, out,
                     outputs, 1, add);
}

}  // namespace

LlamaExecutor::LlamaExecutor(const LlamaModel& model, AttentionHook& hook)
    : model_(model), hook_(hook), attention_(model.attention()) {
  begin();
}

void LlamaExecutor::begin() {
  position_ = 0;
  hook_.begin(attention_);
}

void LlamaExecutor::grow(std::vector<float>& buffer, std::int64_t values) {
  if (buffer.size() < static_cast<std::size_t>(values))
    buffer.resize(static_cast<std::size_t>(values));
}

void LlamaExecutor::norm(const std::vector<float>& in, const std::vector<float>& weight,
                         std::int64_t rows, std::vector<float>& out) const {
  const auto n = static_cast<std::int64_t>(weight.size());
  grow(out, rows * n);
  for (std::int64_t r = 0; r < rows; ++r) {
    const float* from = in.data() + r * n;
    float* to = out.data() + r * n;
    double squares = 0;
    for (std::int64_t i = 0; i < n; ++i)
      squares += static_cast<double>(from[i]) * static_cast<double>(from[i]);
    const auto inverse = static_cast<float>(
        1 / std::sqrt(squares / static_cast<double>(n) + static_cast<double>(model_.norm_epsilon)));
    for (std::int64_t i = 0; i < n; ++i)
      to[i] = weight[static_cast<std::size_t>(i)] * (inverse * from[i]);
  }
}

void LlamaExecutor::by_head(const std::vector<float>& in, std::int64_t heads, std::int64_t count,
                            std::vector<float>& out) const {
  const std::int64_t d = model_.shape.head_dim;
  grow(out, heads * count * d);
  for (std::int64_t t = 0; t < count; ++t)
    for (std::int64_t h = 0; h < heads; ++h)
      std::copy_n(in.data() + (t * heads + h) * d, d, out.data() + (h * count + t) * d);
}

void LlamaExecutor::rotate(const std::vector<float>& raw, std::int64_t heads, std::int64_t count,
                           std::vector<float>& out) const {
  const Rope& rope = model_.shape.rope;
  const auto pairs = static_cast<std::int64_t>(rope.frequencies().size());
  const std::int64_t d = model_.shape.head_dim;
  grow(out, heads * count * d);
  std::copy_n(raw.data(), heads * count * d, out.data());
  for (std::int64_t i = 0; i < heads * count; ++i) {
    const std::int64_t t = i % count;
    rope.turn(out.data() + i * d, cosines_.data() + t * pairs, sines_.data() + t * pairs);
  }
}

void LlamaExecutor::layer(std::int64_t number, std::int64_t count) {
  const KvShape& s = model_.shape;
  const LlamaLayer& w = model_.layers[static_cast<std::size_t>(number)];
  static const PackedLayer none;
  const PackedLayer& p =
      model_.packed.empty() ? none : model_.packed[static_cast<std::size_t>(number)];
  const std::int64_t q = s.heads * s.head_dim, kv = s.kv_heads * s.head_dim;
  norm(x_, w.attention_norm, count, normed_);
  grow(flat_, count * std::max(q, kv));
  project(w.query, p.query, normed_, count, s.hidden, q, flat_.data());
  by_head(flat_, s.heads, count, q_raw_);
  project(w.key, p.key, normed_, count, s.hidden, kv, flat_.data());
  by_head(flat_, s.kv_heads, count, k_raw_);
  project(w.value, p.value, normed_, count, s.hidden, kv, flat_.data());
  by_head(flat_, s.kv_heads, count, v_);
  rotate(q_raw_, s.heads, count, q_);
  rotate(k_raw_, s.kv_heads, count, k_);
  grow(mixed_, count * q);
  hook_.attend({number, count, positions_.data(), q_.data(), k_.data(), q_raw_.data(),
                k_raw_.data(), v_.data(), normed_.data(), x_.data(), s.head_dim, s.hidden},
               mixed_.data());
  project(w.output, p.output, mixed_, count, q, s.hidden, x_.data(), true);

  norm(x_, w.ffn_norm, count, normed_);
  const std::int64_t f = model_.ffn;
  grow(gate_, count * f);
  grow(up_, count * f);
  project(w.gate, p.gate, normed_, count, s.hidden, f, gate_.data());
  project(w.up, p.up, normed_, count, s.hidden, f, up_.data());
  share_out_range(count * f, 1 << 18, [&](std::int64_t first, std::int64_t last) {
    swiglu(gate_.data() + first, up_.data() + first, last - first);
  });
  project(w.down, p.down, gate_, count, f, s.hidden, x_.data(), true);
}

MatrixView LlamaExecutor::run(const std::int32_t* tokens, std::int64_t count, Logits wanted) {
  const KvShape& s = model_.shape;
  if (count < 1) throw CaptureError(model_.file, "no token to run");
  if (count > s.context - position_)
    throw CaptureError(model_.file, fmt::format("{} tokens are more than the model's context of {}",
                                                position_ + count, s.context));
  grow(x_, count * s.hidden);
  positions_.resize(static_cast<std::size_t>(count));
  const auto pairs = static_cast<std::int64_t>(s.rope.frequencies().size());
  grow(cosines_, count * pairs);
  grow(sines_, count * pairs);
  for (std::int64_t t = 0; t < count; ++t) {
    if (tokens[t] < 0 || tokens[t] >= model_.vocabulary)
      throw CaptureError(
          model_.file, fmt::format("there is no token {} among {}", tokens[t], model_.vocabulary));
    std::copy_n(model_.embedding.data() + tokens[t] * s.hidden, s.hidden, x_.data() + t * s.hidden);
    positions_[static_cast<std::size_t>(t)] = static_cast<std::int32_t>(position_ + t);
    s.rope.angles(position_ + t, cosines_.data() + t * pairs, sines_.data() + t * pairs);
  }
  for (std::int64_t l = 0; l < s.layers; ++l) layer(l, count);
  hook_.step_end();
  position_ += count;
  if (wanted == Logits::none) return {};
  const std::int64_t rows = wanted == Logits::all ? count : 1;
  if (rows < count) std::copy_n(x_.data() + (count - 1) * s.hidden, s.hidden, x_.data());
  norm(x_, model_.output_norm, rows, normed_);
  grow(logits_, rows * model_.vocabulary);
  project(model_.head(), model_.packed_head, normed_, rows, s.hidden, model_.vocabulary,
          logits_.data());
  return {logits_.data(), rows, model_.vocabulary};
}

std::int32_t most_likely(MatrixView logits) {
  const float* row = logits.row(logits.rows - 1);
  return static_cast<std::int32_t>(std::max_element(row, row + logits.columns) - row);
}

}  // namespace terrace
