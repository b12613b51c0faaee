// The shape of a decoder-only language model: what its config says, and what follows from it
// exactly. Counts are elements, sizes are bytes; nothing here knows a machine.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sim/format_names.h"
#include "sim/schema.h"

namespace terrace {

// Mixture of experts: `active` of `experts` gated MLPs for a token, `shared` more for every token.
struct MoeShape {
  std::int64_t experts = 0, active = 0, intermediate = 0, shared = 0, dense_layers = 0;
  bool router_bias = false;
  static void fields(Schema<MoeShape>& s);
};

// Multi-head latent attention: K and V of all heads come from one latent of kv_rank + rope_dim
// numbers a token (DeepSeek-V2, arXiv 2405.04434, section 2.1).
struct MlaShape {
  std::int64_t q_rank = 0, kv_rank = 0, nope_dim = 0, rope_dim = 0, value_dim = 0;
  std::int64_t latent() const { return kv_rank + rope_dim; }
  static void fields(Schema<MlaShape>& s);
};

// What quantised weights carry beside their numbers: a scale, and maybe a zero point, for every
// `group` inputs by `rows` outputs.
struct ScaleShape {
  std::int64_t group = 0, rows = 1;  // 0: the whole extent of the matrix
  Format format = Format::fp16;
  std::int64_t zero_bits = 0;
  static void fields(Schema<ScaleShape>& s);
};

enum class Norm : std::uint8_t { rms, layer };
template <>
struct EnumNames<Norm> {
  static constexpr std::pair<const char*, Norm> values[] = {{"rms", Norm::rms},
                                                            {"layer", Norm::layer}};
};

struct ModelShape {
  std::string name;
  std::int64_t layers = 0, hidden = 0, heads = 0, kv_heads = 0, head_dim = 0, intermediate = 0;
  std::int64_t vocab = 0, max_positions = 0, learned_positions = 0, rotary_dim = 0;
  bool gated = true, tied_embeddings = false;
  Norm norm = Norm::rms;
  std::int64_t norms = 2;  // in a layer
  bool qk_norm = false, qkv_bias = false, o_bias = false, mlp_bias = false, head_bias = false;
  bool parallel_residual = false;
  std::int64_t sliding_window = 0, full_attention_every = 0;
  std::optional<MoeShape> moe;
  std::optional<MlaShape> mla;
  Format dtype = Format::bf16;
  std::optional<Format> weight_format, activation_format, kv_format;
  std::optional<ScaleShape> weight_scales;
  std::int64_t kv_scale_group = 0;

  static void fields(Schema<ModelShape>& s);
  // Turns a Hugging Face config.json into the fields above, and leaves anything else alone.
  static void adapt(Node& mapping, Reader& reader);
  void check(Checker& c) const;

  Format weights() const { return weight_format.value_or(dtype); }          // linear layers
  Format activations() const { return activation_format.value_or(dtype); }  // what gemms multiply
  Format kv() const { return kv_format.value_or(dtype); }
  ScaleShape scales() const;  // as said, or what checkpoints of weights() usually carry

  std::int64_t qk_dim() const { return mla ? mla->nope_dim + mla->rope_dim : head_dim; }
  std::int64_t value_dim() const { return mla ? mla->value_dim : head_dim; }
  bool has_experts(std::int64_t layer) const { return moe && layer >= moe->dense_layers; }
  bool windowed(std::int64_t layer) const {  // sees only the last sliding_window tokens
    return sliding_window > 0 &&
           (full_attention_every == 0 || (layer + 1) % full_attention_every != 0);
  }
  std::int64_t norm_vectors() const { return norm == Norm::rms ? 1 : 2; }  // weight, and bias

  std::int64_t parameters() const;  // all, tied embeddings once
  std::int64_t active_parameters()
      const;  // those that one token meets, embedding and head included
};

}  // namespace terrace
