// What can be said about a serving engine. The words and the defaults are vLLM 0.19's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/schema.h"
#include "workloads/llm/step_params.h"
#include "workloads/serving/memory_terms.h"

namespace terrace {

// What becomes of the KV of a request that must give up its blocks.
enum class Preemption : std::uint8_t { recompute, swap };
template <>
struct EnumNames<Preemption> {
  static constexpr std::pair<const char*, Preemption> values[] = {
      {"recompute", Preemption::recompute}, {"swap", Preemption::swap}};
};

// What the host thread that drives a replica needs for a step. Defaults are sums of CPU parts of
// vLLM V1 that people have timed one by one, good to a factor of two: schedule 0.05 ms
// (vllm#19057), prepare and launch 0.3 (vllm#17866), output 0.05; per request 5 to 12.7 us of
// scheduling (openfabric-systems/simllm#204) and 1.1 us of update (vllm#46112). Launches of ops
// outside captured graphs are the GPU model's.
struct HostTimes {
  Time step = Time::ps(450'000'000);
  Time request = Time::ps(10'000'000);
  static void fields(Schema<HostTimes>& s);
  Time of(std::int64_t requests) const { return step + request * requests; }
};

// Where preempted requests go with `preemption: swap`, of every replica.
struct SwapSpace {
  std::string tier;
  Bytes capacity;
  static void fields(Schema<SwapSpace>& s);
};

struct GraphParams {
  GraphMode mode = GraphMode::full_and_piecewise;
  std::optional<std::vector<std::int64_t>>
      capture_sizes;  // none: vLLM's, up to min(2 max_num_seqs, 512)
  static void fields(Schema<GraphParams>& s);
};

struct EngineParams {
  std::int64_t max_num_seqs = 256;
  std::int64_t max_num_batched_tokens = 2048;
  std::int64_t max_model_len = 32768;
  std::int64_t block_tokens = 16;
  double gpu_memory_utilization = 0.9;
  bool prefix_caching = true;
  bool chunked_prefill = true;
  bool async_scheduling = true;
  bool reserve_full_input = true;
  std::int64_t long_prefill_token_threshold = 0;
  Preemption preemption = Preemption::recompute;
  std::optional<SwapSpace> swap;
  GraphParams graphs;
  bool split_attention = false;
  bool greedy = false;
  HostTimes host;
  MemoryTerms memory;

  static void fields(Schema<EngineParams>& s);
  void check(Checker& c) const;
  StepParams step_params() const;
};

}  // namespace terrace
