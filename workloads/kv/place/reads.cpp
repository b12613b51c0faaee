// What every placement does unless it says otherwise: reads from the hot tier, page by page.
#include <algorithm>

#include "workloads/kv/place/place.h"

namespace terrace {

PlanItem KvPlace::reads(const HeadCache& cache, const Selection& chosen, KvWork work,
                        KvTier tier) const {
  PlanItem item;
  item.layer = static_cast<std::int32_t>(context_.layer);
  item.head = static_cast<std::int32_t>(context_.head);
  item.work = work;
  item.tier = tier;
  if (chosen.all) {
    item.bytes = (cache.read_bits(HeadCache::key) + cache.read_bits(HeadCache::value)) / 8;
    item.runs = 2 * context_.layout.runs(cache.size());
    return item;
  }
  double bits = 0;
  for (const std::int32_t slot : chosen.slots)
    bits += cache.read_bits(HeadCache::key, slot) + cache.read_bits(HeadCache::value, slot);
  item.bytes = bits / 8;
  item.runs = 2 * context_.layout.runs(chosen.slots);
  return item;
}

void KvPlace::plan(const HeadChunk& chunk, const HeadCache& cache, const Selection& chosen,
                   AccessPlan& out) const {
  PlanItem item = reads(cache, chosen, KvWork::attend, KvTier::hot);
  const double entries = static_cast<double>(
      chosen.all ? cache.size() : static_cast<std::int64_t>(chosen.slots.size()));
  const double hidden = 0.5 * static_cast<double>(chunk.tokens - 1);  // by the causal mask
  item.flops = 4.0 * static_cast<double>(chunk.tokens * chunk.group * cache.head_dim()) *
               std::max(0.0, entries - hidden);
  out.push_back(item);
}

}  // namespace terrace
