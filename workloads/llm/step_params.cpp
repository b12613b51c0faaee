// Fields of StepParams and the padding of batches to captured graphs.
#include "workloads/llm/step_params.h"

#include <algorithm>
#include <string>

namespace terrace {

void StepParams::fields(Schema<StepParams>& s) {
  s.field("graphs", &StepParams::graphs, "what is replayed from captured CUDA graphs");
  s.field("capture_sizes", &StepParams::capture_sizes, "token counts captured, ascending")
      .at_least(1);
  s.field("block_tokens", &StepParams::block_tokens, "tokens of a KV block").at_least(1);
  s.field(
      "split_attention", &StepParams::split_attention,
      "prefill and decode of a mixed batch in two launches (FlashInfer), not one (FlashAttention)");
  s.field("greedy", &StepParams::greedy, "takes the most likely token; else samples from all");
}

void StepParams::check(Checker& c) const {
  for (std::size_t i = 1; i < capture_sizes.size(); ++i)
    if (capture_sizes[i] <= capture_sizes[i - 1])
      c.fail("capture_sizes[" + std::to_string(i) + "]", "must be above the one before it");
}

std::vector<std::int64_t> StepParams::default_capture_sizes(std::int64_t largest) {
  std::vector<std::int64_t> sizes;
  for (std::int64_t n : {1, 2, 4})
    if (n <= largest) sizes.push_back(n);
  for (std::int64_t n = 8; n <= largest; n += n < 256 ? 8 : 16) sizes.push_back(n);
  return sizes;
}

std::int64_t StepParams::captured_size(std::int64_t tokens) const {
  const auto found = std::lower_bound(capture_sizes.begin(), capture_sizes.end(), tokens);
  return found == capture_sizes.end() ? 0 : *found;
}

}  // namespace terrace
