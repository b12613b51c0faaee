// How many KV blocks a GPU has room for, predicted from its memory and the model's shape. After
// vLLM 0.19, v1/worker/gpu_worker.py (determine_available_memory): what remains of the memory it
// may use when the weights, the peak of a trial step and everything outside PyTorch are taken off.
#pragma once

#include <cstdint>
#include <string>

#include "workloads/llm/rank_shape.h"
#include "workloads/serving/engine_params.h"

namespace terrace {

// What the plan must know of a GPU.
struct GpuFacts {
  std::string tier;     // "gpu0.hbm", for messages
  double capacity = 0;  // bytes as the driver reports them
  double reserved = 0;  // bytes taken before the engine starts
  double multiprocessors = 0;
  double threads = 0;     // resident on a multiprocessor
  double capability = 0;  // compute capability, 8.9
  // Of the device that tier lies on. Throws BuildError where the GPU does not say one of them.
  static GpuFacts of(const Machine& machine, TierId hbm);
};

// Bytes on one rank of a pipeline stage, and what comes of them.
struct MemoryPlan {
  double usable = 0;  // ceil(capacity x utilisation)
  double weights = 0;
  double forward_peak = 0;  // activations of the widest layer in a step of max_num_batched_tokens
  double sampler_peak = 0;  // logits and their copies for max_num_seqs rows; last stage only
  double stack = 0;         // local memory behind every thread the GPU can hold
  double outside = 0;       // not PyTorch's: kernels, stack, residue of graph capture, communicator
  double graph_pool = 0;
  double available = 0;  // for KV, may be negative
  double page = 0;       // of one block in one layer
  std::int64_t layers = 0;
  std::int64_t blocks = 0;  // the null block included

  double torch_peak() const { return forward_peak > sampler_peak ? forward_peak : sampler_peak; }
  double block_bytes() const { return page * static_cast<double>(layers); }
};

struct PlanInput {
  const RankShape& rank;
  const EngineParams& engine;
  const GpuFacts& gpu;
  std::int64_t stage = 0;
  double weights = 0;   // in HBM on a rank of that stage
  double kv_share = 1;  // of a full cache that a KV policy holds in HBM
};

MemoryPlan plan_memory(const PlanInput& input);

// Throws BuildError with the sum when the weights do not fit, or no request of max_model_len would.
void check_memory(const PlanInput& input, const MemoryPlan& plan);

// The largest of these rows that a step's activations need (exposed for tests): bytes, without
// workspace.
double forward_peak_bytes(const RankShape& rank, double tokens);
double sampler_peak_bytes(const RankShape& rank, double tokens, double requests,
                          double multiprocessors);

std::string gib(double bytes);  // "14.99 GiB"

}  // namespace terrace
