// What a step of a policy moves and computes, layer by layer and head by head.
#pragma once

#include <cstdint>
#include <vector>

namespace terrace {

enum class KvTier : std::uint8_t { hot, lower };  // beside the attention engine; the tier below

enum class KvWork : std::uint8_t {
  attend,         // reads entries, multiplies them with queries
  write,          // new entries
  vote,           // attention of some queries computed apart, for a score or a budget
  probabilities,  // attention written out and read back, which a fused kernel would not do
  score,          // goes over keys, values or columns to rank them
  select,         // label scan and top-k before attention
  gather,         // collects what was selected into a dense buffer
  fetch,          // from the lower tier
  compact,        // moves what stays, merges
  encode,
  decode,
  recompute,  // keys and values from layer inputs
  rotate,     // RoPE when read
};
inline constexpr std::size_t kv_work_count = 13;
const char* name_of(KvWork work);

struct PlanItem {
  std::int32_t layer = 0, head = 0;
  KvWork work = KvWork::attend;
  KvTier tier = KvTier::hot;
  bool writes = false;
  double bytes = 0, runs = 0;  // contiguous stretches they lie in
  double flops = 0;
  double run_length() const { return runs > 0 ? bytes / runs : 0; }
};
using AccessPlan = std::vector<PlanItem>;

// Where entries lie: pages of `page` tokens; a head's keys of a page are one stretch, or each
// token's heads are (vLLM's and FlashInfer's HND and NHD).
struct PageLayout {
  std::int64_t page = 16;
  bool heads_apart = true;
  double runs(std::int64_t entries) const;                    // of all, densely packed
  double runs(const std::vector<std::int32_t>& slots) const;  // ascending
};

}  // namespace terrace
