// What the parts of a layer are written from, and the parts. Each function writes the ops of one
// block on one rank, for `rows` tokens (those of the batch, padded to the captured graph's size).
#pragma once

#include "workloads/llm/batch.h"
#include "workloads/llm/kv_timing.h"
#include "workloads/llm/rank_shape.h"
#include "workloads/llm/step_params.h"
#include "workloads/llm/step_writer.h"

namespace terrace {

struct Layer {
  const RankShape& rank;
  const StepParams& params;
  const Batch& batch;
  const StagePlace& place;
  const LayerWeights* weights = nullptr;
  double rows = 0;
  Capture capture = Capture::eager;
  bool windowed = false, experts = false;
  const KvTiming* policy = nullptr;  // null: the full cache
  const KvBand* kv = nullptr;        // of the policy

  const ModelShape& model() const { return rank.model; }
  Format dtype() const { return rank.model.dtype; }
  double width() const { return bytes_of(rank.model.dtype); }  // of a number
  double hidden() const { return static_cast<double>(rank.model.hidden); }
  double state_bytes() const { return rows * hidden() * width(); }  // hidden state of all rows
  bool tensor_parallel() const { return rank.parallel.tp > 1; }
  double active() const { return static_cast<double>(rank.model.moe->active); }
};

void write_attention(StepWriter& w, const Layer& l);  // attention.cpp: Q, K, V from separate heads
void write_policy_attention(StepWriter& w, const Layer& l);  // kv_ops.cpp: under a KV policy
void write_latent_attention(StepWriter& w, const Layer& l);  // mla.cpp
void write_mlp(StepWriter& w, const Layer& l);               // mlp.cpp
void write_experts(StepWriter& w, const Layer& l);           // moe.cpp

// Pieces they share (mlp.cpp).
// `matrix` times `rows` vectors. Quantises them first where the matrix is multiplied in a narrower
// format.
Op& write_gemm(StepWriter& w, const Layer& l, const Matrix& matrix, double rows, Buffer in,
               Buffer out);
void write_gated(StepWriter& w, const Layer& l, const Matrix& up, const Matrix& down, Buffer out);
// Adds what the block before gave to the residual and normalises the sum.
void write_norm(StepWriter& w, const Layer& l, const char* label);
// Normalises in place (`to` equal to `from`), or from one buffer into another.
void write_plain_norm(StepWriter& w, const Layer& l, const char* label, Buffer from, Buffer to);
void write_quantize(StepWriter& w, const Layer& l, double rows, double columns, Buffer from);
Format arithmetic_of(const Layer& l, const Matrix& matrix);
// Sums the state over the tensor-parallel ranks; nothing on a single one.
void write_all_reduce(StepWriter& w, const Layer& l, Buffer buffer);
Op& write_collective(StepWriter& w, const Layer& l, Collective kind, const char* label,
                     double message_bytes, Buffer from, double from_bytes, Buffer to,
                     double to_bytes);

// One attention launch (attention.cpp).
struct AttentionLaunch {
  const SequenceSums* prefill = nullptr;  // either may be missing
  const SequenceSums* decode = nullptr;
  double q_heads = 0, kv_heads = 0, qk_dim = 0, value_dim = 0;
  Buffer query = Buffer::qkv, out = Buffer::attended;
};
Op& write_attention_op(StepWriter& w, const Layer& l, const AttentionLaunch& launch);

// A few operations a number; no figure is read from these, as such ops wait for memory.
inline constexpr double norm_flops = 5, rotary_flops = 3, gate_flops = 5;

}  // namespace terrace
