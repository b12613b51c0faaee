// The terms of the KV budget, one by one.
#include "workloads/serving/memory_plan.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "sim/registry.h"

namespace terrace {
namespace {

double number(std::int64_t n) { return static_cast<double>(n); }

// Stack of vLLM 0.19's top-k/top-p kernel (v1/sample/ops/topk_topp_triton.py), compiled with
// Triton 3.6.0 and its ptxas for these capabilities; of the nearest for others.
double stack_bytes(double capability) {
  constexpr std::array<std::pair<double, double>, 3> known = {
      {{8.0, 1056}, {8.9, 840}, {9.0, 768}}};
  auto best = known[0];
  for (const auto& k : known)
    if (std::abs(k.first - capability) < std::abs(best.first - capability)) best = k;
  return best.second;
}

// PyTorch's cuBLAS workspace (aten/src/ATen/cuda/CublasHandlePool.cpp): 4096 KiB x 2 + 16 KiB x 8,
// or 32 MiB.
double blas_workspace(double capability) { return capability >= 9.0 ? 33554432 : 8519680; }

// 3090s with vLLM 0.8 print 0.20 GiB outside PyTorch with tensor parallelism (vllm#14447), 0.15
// alone (#15340).
constexpr double communicator_bytes = 0.05 * 1073741824.0;

// Residual and hidden state, and the widest pair of tensors beside them.
double widest_elements(const RankShape& rank, const LayerWeights& layer, bool experts) {
  const ModelShape& m = rank.model;
  const double tp = number(rank.parallel.tp);
  const double heads = rank.q_heads, value = number(m.value_dim()), qk = number(m.qk_dim());
  const double kv = m.mla ? heads * (qk + value) : 2 * rank.kv_heads * number(m.head_dim);
  const double attention = heads * qk + kv + heads * value;  // Q, K, V, and what comes out
  const double wide = (m.gated ? 2.0 : 1.0);
  double mlp = layer.gate_up.out > 0 ? (wide + 1) * number(m.intermediate) / tp : 0;
  if (experts) {  // rows of every chosen expert: gate and up, or down's output in the same place;
                  // activated
    const MoeShape& e = *m.moe;
    const double inner = number(e.intermediate) / (rank.parallel.expert_parallel ? 1 : tp);
    const double routed = number(e.active) * (std::max(2 * inner, number(m.hidden)) + inner);
    mlp = routed + (e.shared > 0 ? 3 * number(e.shared * e.intermediate) / tp : 0);
  }
  return 2 * number(m.hidden) + std::max(mlp, attention);
}

}  // namespace

double forward_peak_bytes(const RankShape& rank, double tokens) {
  double elements = 0;
  for (std::int64_t i : {std::int64_t{0}, rank.model.layers - 1})  // dense layers come first
    elements = std::max(elements, widest_elements(rank, rank.layer(i), rank.model.has_experts(i)));
  return tokens * elements * bytes_of(rank.model.dtype);
}

// Of gpu_model_runner._dummy_sampler_run: the forward pass's output, gathered rows and random ones;
// logits in the model's format, as fp32, their probabilities and the exponential noise; a row
// buffer for every program of the top-k/top-p kernel.
double sampler_peak_bytes(const RankShape& rank, double tokens, double requests,
                          double multiprocessors) {
  const double width = bytes_of(rank.model.dtype), hidden = number(rank.model.hidden);
  const double vocab = rank.vocab_rows * number(rank.parallel.tp);
  return tokens * hidden * width + 2 * requests * hidden * width +
         requests * vocab * (width + 3 * 4) + std::min(multiprocessors, requests) * vocab * 4;
}

constexpr double most_blocks = 0x7fffffff;  // that a pool can number

MemoryPlan plan_memory(const PlanInput& in) {
  const EngineParams& e = in.engine;
  const ModelShape& m = in.rank.model;
  const Parallel& parallel = in.rank.parallel;
  const double tokens = number(e.max_num_batched_tokens);
  const double requests = std::min(number(e.max_num_seqs), tokens);
  const double workspace = e.memory.blas_workspace ? e.memory.blas_workspace->value()
                                                   : blas_workspace(in.gpu.capability);

  MemoryPlan p;
  p.usable = std::ceil(in.gpu.capacity * e.gpu_memory_utilization);
  p.weights = in.weights;
  p.forward_peak = forward_peak_bytes(in.rank, tokens) + workspace;
  if (in.stage + 1 == parallel.pp)
    p.sampler_peak =
        sampler_peak_bytes(in.rank, tokens, requests, in.gpu.multiprocessors) + workspace;
  const double a_thread = e.memory.stack_per_thread ? e.memory.stack_per_thread->value()
                                                    : stack_bytes(in.gpu.capability);
  p.stack = a_thread * in.gpu.threads * in.gpu.multiprocessors;
  p.outside = e.memory.loaded_kernels.value() + p.stack;
  if (e.graphs.mode != GraphMode::off) p.outside += e.memory.graph_residue.value();
  if (e.memory.communicator)
    p.outside += e.memory.communicator->value();
  else if (parallel.tp * parallel.pp > 1 || parallel.expert_ranks() > 1)
    p.outside += communicator_bytes;
  p.graph_pool = e.memory.graph_pool.value();
  p.available = p.usable - p.weights - p.torch_peak() - p.outside - p.graph_pool;

  const LayerSpan span = layers_of_stage(m.layers, parallel.pp, in.stage);
  p.layers = span.last - span.first;
  p.page = in.rank.kv_bytes_per_token() * number(e.block_tokens) * in.kv_share;
  // A policy that keeps nothing here is held back by its lower tier, not by this one.
  const double ever = requests * std::ceil(number(e.max_model_len) / number(e.block_tokens)) + 2;
  const double fit = p.page > 0 ? std::floor(p.available / p.page) / number(p.layers) : ever;
  p.blocks = static_cast<std::int64_t>(std::floor(std::clamp(fit, 0.0, most_blocks)));
  return p;
}

}  // namespace terrace
