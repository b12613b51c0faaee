// What one rank holds of a model: its matrices, vectors and cached bytes, exactly, quantisation
// scales and vocabulary padding counted. Parallel{} gives the whole model.
#pragma once

#include <vector>

#include "workloads/llm/parallel.h"
#include "workloads/llm/shape.h"

namespace terrace {

// `count` matrices of out × in, one rank's part. No matrix: out is 0.
struct Matrix {
  const char* label = "";
  double out = 0, in = 0, count = 1;
  Format format = Format::bf16;
  double bytes = 0;       // read when all are used: numbers, scales, zeros, bias
  double parameters = 0;  // of the model; 0 for a copy in another layout
  double held_bytes = 0;  // in memory; 0 for a view of another matrix
  explicit operator bool() const { return out > 0; }
};

struct LayerWeights {
  Matrix qkv;                     // latent attention: the joint down-projection of Q and KV
  Matrix q_b, kv_b;               // latent attention only: from the latents to the heads…
  Matrix absorbed_k, absorbed_v;  // …and kv_b again, one matrix a head, for decode
  Matrix o, gate_up, down;        // the MLP is the shared experts' where there are experts
  Matrix router, expert_gate_up, expert_down;
  double vector_elements = 0;  // norms
  double vector_bytes = 0;

  double expert_parameters() const { return expert_gate_up.parameters + expert_down.parameters; }
  double parameters() const;
  double held_bytes() const;
};

struct RankShape {
  RankShape(const ModelShape& model, const Parallel& parallel);

  ModelShape model;
  Parallel parallel;
  double q_heads = 0, kv_heads = 0;  // kv heads are replicated when tp exceeds them, as in vLLM
  double vocab_rows = 0;  // padded to a multiple of 64, then cut (VocabParallelEmbedding)
  double local_experts = 0;
  LayerWeights dense, moe;
  Matrix embedding, positions, head;
  double final_norm_bytes = 0;
  double rotary_table_bytes = 0;  // cos and sin of every position in dtype, one table a rank (vLLM)

  const LayerWeights& layer(std::int64_t index) const {
    return model.has_experts(index) ? moe : dense;
  }
  double parameters() const;
  double stage_bytes(std::int64_t stage) const;  // weights and tables one rank of that stage holds
  double layer_bytes(std::int64_t first, std::int64_t last) const;

  double kv_elements() const;         // per token and layer, on this rank
  double kv_bytes_per_token() const;  // per layer; latent caches are whole on every rank
  double kv_bytes_per_token(std::int64_t first, std::int64_t last) const {
    return kv_bytes_per_token() * static_cast<double>(last - first);
  }
};

// Bytes of an out × in matrix in `format`, with its scales and zero points.
double stored_bytes(double out, double in, Format format, const ScaleShape& scales);

// Expected number of experts that `tokens` tokens hit when each picks `active` of `experts` without
// preference: a token misses a given expert with probability 1 − active / experts.
double experts_hit(double experts, double active, double tokens);

}  // namespace terrace
