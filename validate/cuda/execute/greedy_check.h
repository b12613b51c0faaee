// Whether kernels continue a text as the CPU executor does: the most likely token after each.
#pragma once

#include <cstdint>
#include <vector>

#include "validate/cuda/execute/llama_forward.h"

namespace terrace::cuda {

struct GreedyCheck {
  std::vector<std::int32_t> expected, got;  // after the prompt, and after each of `expected`
  std::vector<float> lead;  // of the CPU's most likely logit over the next: what rounding must beat
  int differences() const;
  float largest_lead_lost() const;  // where they differ; 0 where they never do
};

// The CPU continues the prompt by `count` tokens; the kernels are fed the same tokens, so that they
// are asked the same even after a difference.
GreedyCheck check_greedy(const LlamaModel& model, LlamaForward& kernels,
                         const std::vector<std::int32_t>& prompt, int count);

}  // namespace terrace::cuda
