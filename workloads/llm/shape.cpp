// Fields, checks and whole-model counts of a ModelShape.
#include "workloads/llm/shape.h"

#include <string>

#include "workloads/llm/hf_config.h"
#include "workloads/llm/rank_shape.h"

namespace terrace {

void MoeShape::fields(Schema<MoeShape>& s) {
  s.field("experts", &MoeShape::experts, "routed experts of a layer").required().at_least(2);
  s.field("active", &MoeShape::active, "routed experts that a token visits").required().at_least(1);
  s.field("intermediate", &MoeShape::intermediate, "width of one expert").required().at_least(1);
  s.field("shared", &MoeShape::shared, "experts that every token visits").at_least(0);
  s.field("dense_layers", &MoeShape::dense_layers, "first layers that have a dense MLP instead")
      .at_least(0);
  s.field("router_bias", &MoeShape::router_bias, "the router has a bias an expert");
}

void MlaShape::fields(Schema<MlaShape>& s) {
  s.field("q_rank", &MlaShape::q_rank, "rank of the query projection; 0: full").at_least(0);
  s.field("kv_rank", &MlaShape::kv_rank, "rank of the cached latent").required().at_least(1);
  s.field("nope_dim", &MlaShape::nope_dim, "part of a query-key head without rotation")
      .required()
      .at_least(1);
  s.field("rope_dim", &MlaShape::rope_dim, "rotated part, shared by all heads of K")
      .required()
      .at_least(1);
  s.field("value_dim", &MlaShape::value_dim, "width of a value head").required().at_least(1);
}

void ScaleShape::fields(Schema<ScaleShape>& s) {
  s.field("group", &ScaleShape::group, "inputs that share a scale; 0: all").at_least(0);
  s.field("rows", &ScaleShape::rows, "outputs that share a scale; 0: all").at_least(0);
  s.field("format", &ScaleShape::format, "format of a scale");
  s.field("zero_bits", &ScaleShape::zero_bits, "bits of the zero point beside it; 0: symmetric")
      .between(0, 32);
}

void ModelShape::fields(Schema<ModelShape>& s) {
  using M = ModelShape;
  s.field("name", &M::name, "shown in reports").required().not_empty();
  s.field("layers", &M::layers, "decoder layers").required().between(1, 4096);
  s.field("hidden", &M::hidden, "width of the hidden state").required().at_least(1);
  s.field("heads", &M::heads, "query heads").required().at_least(1);
  s.field("kv_heads", &M::kv_heads, "heads of K and V").required().at_least(1);
  s.field("head_dim", &M::head_dim, "width of a head (latent attention has its own)")
      .required()
      .at_least(1);
  s.field("intermediate", &M::intermediate, "width of a dense MLP").required().at_least(1);
  s.field("vocab", &M::vocab, "tokens of the vocabulary").required().at_least(1);
  s.field("max_positions", &M::max_positions, "longest context").required().at_least(1);
  s.field("learned_positions", &M::learned_positions, "rows of a position table; 0: rotary")
      .at_least(0);
  s.field("rotary_dim", &M::rotary_dim, "rotated numbers of a head; 0: all of them").at_least(0);
  s.field("gated", &M::gated, "the MLP multiplies a gate (three matrices), or has only two");
  s.field("tied_embeddings", &M::tied_embeddings, "the head is the embedding, transposed");
  s.field("norm", &M::norm, "a weight (rms), or a weight and a bias (layer)");
  s.field("norms", &M::norms, "norms of a layer: 1 shared, 2, or 4 around both blocks")
      .one_of({1, 2, 4});
  s.field("qk_norm", &M::qk_norm, "heads of Q and K are normalised");
  s.field("qkv_bias", &M::qkv_bias, "Q, K and V projections have a bias");
  s.field("o_bias", &M::o_bias, "the output projection has a bias");
  s.field("mlp_bias", &M::mlp_bias, "the MLP has biases");
  s.field("head_bias", &M::head_bias, "the head has a bias");
  s.field("parallel_residual", &M::parallel_residual, "attention and MLP read the same input");
  s.field("sliding_window", &M::sliding_window, "tokens a windowed layer sees; 0: no windows")
      .at_least(0);
  s.field("full_attention_every", &M::full_attention_every,
          "every n-th layer sees everything; 0: all layers are windowed")
      .at_least(0);
  s.field("moe", &M::moe, "mixture of experts");
  s.field("mla", &M::mla, "multi-head latent attention");
  s.field("dtype", &M::dtype, "hidden states, norms, embeddings and head");
  s.field("weight_format", &M::weight_format, "stored weights of linear layers; null: dtype");
  s.field("activation_format", &M::activation_format,
          "what linear layers multiply, quantised on the fly if narrower; null: dtype");
  s.field("kv_format", &M::kv_format, "cached keys and values; null: dtype");
  s.field("weight_scales", &M::weight_scales,
          "scales beside quantised weights; null: what is usual for weight_format");
  s.field("kv_scale_group", &M::kv_scale_group,
          "cached numbers that share an fp16 scale and zero; 0: one scale for the whole cache")
      .at_least(0);
}

void ModelShape::adapt(Node& mapping, Reader& reader) {
  if (is_hf_config(mapping)) adapt_hf_config(mapping, reader, Schema<ModelShape>::of().keys());
}

void ModelShape::check(Checker& c) const {
  if (kv_heads < 1) return;  // nothing was read
  if (heads % kv_heads != 0) c.fail("kv_heads", "must divide heads, " + std::to_string(heads));
  if (kv_heads > heads) c.fail("kv_heads", "more than heads, " + std::to_string(heads));
  if (moe && moe->active > moe->experts)
    c.fail("moe.active", "more than experts, " + std::to_string(moe->experts));
  if (moe && moe->dense_layers > layers)
    c.fail("moe.dense_layers", "more than layers, " + std::to_string(layers));
  if (full_attention_every > 0 && sliding_window == 0)
    c.fail("full_attention_every", "means nothing without sliding_window");
  if (norms == 1 && !parallel_residual)
    c.fail("norms", "a layer with one norm needs parallel_residual");
  if (learned_positions > 0 && learned_positions < max_positions)
    c.fail("learned_positions", "fewer than max_positions, " + std::to_string(max_positions));
  if (bits_of(activations()) > bits_of(dtype)) c.fail("activation_format", "wider than dtype");
  if (weight_scales && weights() == dtype)
    c.fail("weight_scales", "weights in dtype have no scales");
}

// Usual checkpoints: int4 as AWQ (arXiv 2306.00978: groups of 128, fp16 scale, 4-bit zero); int8
// and fp8 with one fp32 scale an output channel (vLLM's compressed-tensors W8A8); fp4 as NVFP4
// (groups of 16 with an fp8 scale). Wider formats have none.
ScaleShape ModelShape::scales() const {
  if (weight_scales) return *weight_scales;
  switch (weights()) {
    case Format::int4:
      return {128, 1, Format::fp16, 4};
    case Format::int8:
    case Format::fp8:
      return {0, 1, Format::fp32, 0};
    case Format::fp4:
      return {16, 1, Format::fp8, 0};
    default:
      return {0, 0, Format::fp32, 0};
  }
}

std::int64_t ModelShape::parameters() const {
  return static_cast<std::int64_t>(RankShape(*this, Parallel{}).parameters());
}

std::int64_t ModelShape::active_parameters() const {
  if (!moe) return parameters();
  const RankShape all(*this, Parallel{});
  const double idle = static_cast<double>(moe->experts - moe->active) /
                      static_cast<double>(moe->experts) * all.moe.expert_parameters();
  return static_cast<std::int64_t>(all.parameters() -
                                   idle * static_cast<double>(layers - moe->dense_layers));
}

}  // namespace terrace
