// Cuts a model's matrices for one rank, as Megatron-LM does (arXiv 1909.08053, section 3): columns
// of the first matrix of a block, rows of the second.
#include "workloads/llm/rank_shape.h"

#include <algorithm>
#include <cmath>

namespace terrace {
namespace {

double number(std::int64_t n) { return static_cast<double>(n); }

// vLLM pads the vocabulary to this (vllm/model_executor/layers/vocab_parallel_embedding.py).
constexpr std::int64_t vocab_padding = 64;

struct Cut {
  const ModelShape& m;
  const Parallel& p;
  double tp = number(p.tp);

  Matrix plain(const char* label, double out, double in, bool bias) const {
    return make(label, out, in, bias, 1, m.dtype);
  }
  Matrix linear(const char* label, double out, double in, bool bias, double count = 1) const {
    return make(label, out, in, bias, count, m.weights());
  }
  Matrix make(const char* label, double out, double in, bool bias, double count, Format f) const {
    Matrix x{label, out, in, count, f, 0, 0, 0};
    const bool scaled = bits_of(f) < bits_of(m.dtype);
    const double numbers = scaled ? stored_bytes(out, in, f, m.scales()) : out * in * bytes_of(f);
    x.bytes = x.held_bytes = count * (numbers + (bias ? out * bytes_of(m.dtype) : 0));
    x.parameters = count * (out * in + (bias ? out : 0));
    return x;
  }

  void attention(LayerWeights& w, double q, double kv) const {
    const double hidden = number(m.hidden), d = number(m.head_dim);
    if (!m.mla) {
      w.qkv = linear("qkv_proj", (q + 2 * kv) * d, hidden, m.qkv_bias);
      w.o = linear("o_proj", hidden, q * d, m.o_bias);
      return;
    }
    const MlaShape& a = *m.mla;
    const double q_rank = number(a.q_rank), kv_rank = number(a.kv_rank);
    const double nope = number(a.nope_dim), v = number(a.value_dim);
    w.qkv = linear("qkv_a_proj", q_rank + number(a.latent()), hidden, false);
    w.q_b = linear("q_b_proj", q * number(m.qk_dim()), a.q_rank > 0 ? q_rank : hidden, false);
    w.kv_b = linear("kv_b_proj", q * (nope + v), kv_rank, false);
    // vLLM keeps these in dtype: views of kv_b, or a copy where kv_b is quantised (MLACommonImpl).
    w.absorbed_k = make("absorbed_k", kv_rank, nope, false, q, m.dtype);
    w.absorbed_v = make("absorbed_v", v, kv_rank, false, q, m.dtype);
    for (Matrix* x : {&w.absorbed_k, &w.absorbed_v}) {
      x->parameters = 0;
      if (m.weights() == m.dtype) x->held_bytes = 0;
    }
    w.o = linear("o_proj", hidden, q * v, m.o_bias);
  }

  void mlp(LayerWeights& w, double width, const char* up, const char* down) const {
    if (width <= 0) return;
    const double hidden = number(m.hidden);
    w.gate_up = linear(up, (m.gated ? 2 : 1) * width / tp, hidden, m.mlp_bias);
    w.down = linear(down, hidden, width / tp, m.mlp_bias);
  }

  void vectors(LayerWeights& w) const {
    double n = number(m.norms * m.hidden * m.norm_vectors());
    if (m.qk_norm) n += 2 * number(m.head_dim * m.norm_vectors());
    if (m.mla) n += number(m.mla->q_rank + m.mla->kv_rank);
    w.vector_elements = n;
    w.vector_bytes = n * bytes_of(m.dtype);
  }
};

template <class F>
void each(const LayerWeights& w, F f) {
  for (const Matrix* x : {&w.qkv, &w.q_b, &w.kv_b, &w.absorbed_k, &w.absorbed_v, &w.o, &w.gate_up,
                          &w.down, &w.router, &w.expert_gate_up, &w.expert_down})
    f(*x);
}

}  // namespace

double stored_bytes(double out, double in, Format format, const ScaleShape& scales) {
  const double group = scales.group > 0 ? number(scales.group) : in;
  const double rows = scales.rows > 0 ? number(scales.rows) : out;
  const double each_scale = bytes_of(scales.format) + number(scales.zero_bits) / 8;
  return out * in * bytes_of(format) + std::ceil(in / group) * std::ceil(out / rows) * each_scale;
}

double experts_hit(double experts, double active, double tokens) {
  return experts * (1 - std::pow(1 - active / experts, tokens));
}

double LayerWeights::parameters() const {
  double sum = vector_elements;
  each(*this, [&](const Matrix& x) { sum += x.parameters; });
  return sum;
}

double LayerWeights::held_bytes() const {
  double sum = vector_bytes;
  each(*this, [&](const Matrix& x) { sum += x.held_bytes; });
  return sum;
}

RankShape::RankShape(const ModelShape& shape, const Parallel& cut) : model(shape), parallel(cut) {
  check(parallel, model);
  const Cut c{model, parallel};
  q_heads = number(model.heads / parallel.tp);
  kv_heads = model.mla ? 1 : number(std::max<std::int64_t>(1, model.kv_heads / parallel.tp));
  const std::int64_t padded = (model.vocab + vocab_padding - 1) / vocab_padding * vocab_padding;
  vocab_rows = std::ceil(number(padded) / c.tp);
  const double hidden = number(model.hidden);

  c.attention(dense, q_heads, kv_heads);
  c.vectors(dense);
  moe = dense;
  c.mlp(dense, number(model.intermediate), "gate_up_proj", "down_proj");
  if (model.moe) {
    const MoeShape& e = *model.moe;
    local_experts = number(e.experts / parallel.expert_ranks());
    const double width = number(e.intermediate) / (parallel.expert_parallel ? 1 : c.tp);
    c.mlp(moe, number(e.shared * e.intermediate), "shared_gate_up", "shared_down");
    moe.router = c.plain("router", number(e.experts), hidden, e.router_bias);
    moe.expert_gate_up = c.linear("expert_gate_up", (model.gated ? 2 : 1) * width, hidden,
                                  model.mlp_bias, local_experts);
    moe.expert_down = c.linear("expert_down", hidden, width, model.mlp_bias, local_experts);
  }

  embedding = c.plain("embedding", vocab_rows, hidden, false);
  positions = c.plain("positions", number(model.learned_positions), hidden, false);
  head = c.plain("lm_head", vocab_rows, hidden, model.head_bias);
  embedding.parameters = number(model.vocab) * hidden;
  head.parameters =
      model.tied_embeddings ? 0 : number(model.vocab) * (hidden + (model.head_bias ? 1 : 0));
  if (model.tied_embeddings && parallel.pp == 1) head.held_bytes = 0;
  final_norm_bytes = hidden * number(model.norm_vectors()) * bytes_of(model.dtype);
  if (model.learned_positions == 0) {
    const std::int64_t whole = model.mla ? model.mla->rope_dim : model.head_dim;
    rotary_table_bytes =
        number(model.max_positions * (model.rotary_dim > 0 ? model.rotary_dim : whole)) *
        bytes_of(model.dtype);
  }
}

double RankShape::parameters() const {
  double sum = embedding.parameters + positions.parameters + head.parameters +
               final_norm_bytes / bytes_of(model.dtype);
  for (std::int64_t i = 0; i < model.layers; ++i) sum += layer(i).parameters();
  return sum;
}

double RankShape::layer_bytes(std::int64_t first, std::int64_t last) const {
  double sum = 0;
  for (std::int64_t i = first; i < last; ++i) sum += layer(i).held_bytes();
  return sum;
}

double RankShape::stage_bytes(std::int64_t stage) const {
  const LayerSpan span = layers_of_stage(model.layers, parallel.pp, stage);
  double sum = layer_bytes(span.first, span.last) + rotary_table_bytes;
  if (stage == 0) sum += embedding.held_bytes + positions.held_bytes;
  if (stage == parallel.pp - 1) sum += head.held_bytes + final_norm_bytes;
  return sum;
}

double RankShape::kv_elements() const {
  return model.mla ? number(model.mla->latent()) : 2 * kv_heads * number(model.head_dim);
}

double RankShape::kv_bytes_per_token() const {
  const double elements = kv_elements();
  const double
      scales =  // an fp16 scale and an fp16 zero a group, as KIVI keeps them (arXiv 2402.02750)
      model.kv_scale_group > 0 ? 4 * elements / number(model.kv_scale_group) : 0;
  return elements * bytes_of(model.kv()) + scales;
}

}  // namespace terrace
