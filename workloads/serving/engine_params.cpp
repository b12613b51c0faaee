// Fields of a serving engine, and what must hold between them.
#include "workloads/serving/engine_params.h"

#include <algorithm>
#include <string>

namespace terrace {

void HostTimes::fields(Schema<HostTimes>& s) {
  s.field("step", &HostTimes::step, "host time of a step, whatever it holds");
  s.field("request", &HostTimes::request, "host time of every request in a step");
}

void SwapSpace::fields(Schema<SwapSpace>& s) {
  s.field("tier", &SwapSpace::tier, "a memory of the machine, such as host0.dram")
      .required()
      .not_empty();
  s.field("capacity", &SwapSpace::capacity, "of every replica").required().above(Bytes(0));
}

void GraphParams::fields(Schema<GraphParams>& s) {
  s.field("mode", &GraphParams::mode, "what is replayed from captured CUDA graphs");
  s.field("capture_sizes", &GraphParams::capture_sizes,
          "token counts captured, ascending; none: vLLM's, up to min(2 max_num_seqs, 512)")
      .at_least(1);
}

void EngineParams::fields(Schema<EngineParams>& s) {
  using P = EngineParams;
  s.field("max_num_seqs", &P::max_num_seqs, "requests that run at a time").between(1, 1 << 20);
  s.field("max_num_batched_tokens", &P::max_num_batched_tokens, "token budget of a step")
      .between(1, 1 << 28);
  s.field("max_model_len", &P::max_model_len, "longest prompt and answer together")
      .between(2, 1 << 28);
  s.field("block_tokens", &P::block_tokens, "tokens of a KV block").between(1, 1 << 20);
  s.field("gpu_memory_utilization", &P::gpu_memory_utilization,
          "share of the device memory that the engine may use")
      .above(0.0)
      .at_most(1.0);
  s.field("prefix_caching", &P::prefix_caching, "full blocks are found again by their content");
  s.field("chunked_prefill", &P::chunked_prefill, "a prompt may be cut to fit the token budget");
  s.field("async_scheduling", &P::async_scheduling,
          "the next step is formed while the present one runs");
  s.field("reserve_full_input", &P::reserve_full_input,
          "a request is admitted only when all its known tokens would fit");
  s.field("long_prefill_token_threshold", &P::long_prefill_token_threshold,
          "largest chunk of one prompt in a step; 0: no limit")
      .at_least(0);
  s.field("preemption", &P::preemption,
          "what becomes of the KV of a request that loses its blocks");
  s.field("swap", &P::swap, "where preempted requests go with preemption: swap");
  s.field("graphs", &P::graphs, "captured CUDA graphs");
  s.field(
      "split_attention", &P::split_attention,
      "prefill and decode of a mixed batch in two launches (FlashInfer), not one (FlashAttention)");
  s.field("greedy", &P::greedy, "takes the most likely token; else samples from all");
  s.field("host", &P::host, "the host thread that drives a replica");
  s.field("memory", &P::memory, "terms of the KV budget beside weights and activations");
}

void EngineParams::check(Checker& c) const {
  if (!chunked_prefill && max_num_batched_tokens < max_model_len)
    c.fail("max_num_batched_tokens",
           "must be at least max_model_len (" + std::to_string(max_model_len) +
               ") without chunked_prefill: longer prompts would wait forever");
  if (max_num_batched_tokens < max_num_seqs)  // as vLLM's SchedulerConfig
    c.fail("max_num_batched_tokens",
           "must be at least max_num_seqs (" + std::to_string(max_num_seqs) + ")");
  if (preemption == Preemption::swap && !swap) c.fail("swap", "is missing, for preemption: swap");
  if (preemption != Preemption::swap && swap)
    c.fail("swap", "means nothing without preemption: swap");
  if (!graphs.capture_sizes) return;
  const std::vector<std::int64_t>& sizes = *graphs.capture_sizes;
  for (std::size_t i = 1; i < sizes.size(); ++i)
    if (sizes[i] <= sizes[i - 1])
      c.fail("graphs.capture_sizes[" + std::to_string(i) + "]", "must be above the one before it");
}

StepParams EngineParams::step_params() const {
  StepParams p;
  p.graphs = graphs.mode;
  p.capture_sizes =
      graphs.capture_sizes
          ? *graphs.capture_sizes
          : StepParams::default_capture_sizes(std::min<std::int64_t>(2 * max_num_seqs, 512));
  p.block_tokens = block_tokens;
  p.split_attention = split_attention;
  p.greedy = greedy;
  return p;
}

}  // namespace terrace
