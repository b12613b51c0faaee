// Both run token by token.
#include "validate/cuda/execute/greedy_check.h"

#include <algorithm>

#include "workloads/capture/full_attention.h"
#include "workloads/capture/llama_executor.h"

namespace terrace::cuda {

int GreedyCheck::differences() const {
  int n = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) n += expected[i] != got[i] ? 1 : 0;
  return n;
}

float GreedyCheck::largest_lead_lost() const {
  float most = 0;
  for (std::size_t i = 0; i < expected.size(); ++i)
    if (expected[i] != got[i]) most = std::max(most, lead[i]);
  return most;
}

GreedyCheck check_greedy(const LlamaModel& model, LlamaForward& kernels,
                         const std::vector<std::int32_t>& prompt, int count) {
  FullAttention attention;
  LlamaExecutor cpu(model, attention);
  GreedyCheck out;
  std::vector<std::int32_t> tokens = prompt;
  for (std::size_t i = 0; i < prompt.size() + static_cast<std::size_t>(count) - 1; ++i) {
    const MatrixView logits = cpu.run(&tokens[i], 1);
    const std::int32_t got = kernels.step(tokens[i]);
    if (i + 1 < prompt.size()) continue;
    std::vector<float> row(logits.data, logits.data + logits.columns);
    const std::int32_t best = most_likely(logits);
    std::nth_element(row.begin(), row.begin() + 1, row.end(), std::greater<float>());
    out.expected.push_back(best);
    out.got.push_back(got);
    out.lead.push_back(row[0] - row[1]);
    tokens.push_back(best);
  }
  return out;
}

}  // namespace terrace::cuda
