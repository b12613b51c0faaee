// What a KV policy holds, moves and computes, as curves over the context, so that a step of any
// model can be timed: measured on a small model's text, scaled by relative depth.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "workloads/kv/access_plan.h"

namespace terrace {

// A quantity of one KV head of one layer. A decode step at a context of n entries: constant +
// slope n. A prompt of n tokens: slope n + pair n (n + 1) / 2.
struct KvCurve {
  double constant = 0, slope = 0, pair = 0;
  bool operator==(const KvCurve& o) const {
    return constant == o.constant && slope == o.slope && pair == o.pair;
  }
  bool empty() const { return constant == 0 && slope == 0 && pair == 0; }
};

// One kind of work. A vector is head_dim numbers at the cache's own width.
struct KvFlow {
  KvWork work = KvWork::attend;
  KvTier tier = KvTier::hot;
  bool writes = false;
  KvCurve vectors, runs;
  KvCurve flops;  // over head_dim, and over the query heads of a KV head where they do the work
};
bool by_query_head(KvWork work);  // whether its FLOPs grow with the query heads of a KV head

// A band of layers that do about the same.
struct KvBand {
  KvCurve kept;         // entries
  KvCurve held, lower;  // vectors: all that is held above, metadata too; keys and values below
  std::vector<KvFlow> decode, prefill;
};

struct KvProfile {
  std::string policy;  // one line of YAML
  std::string source;  // the trace, its model and lengths; or "arithmetic"
  std::vector<KvBand> bands;

  const KvBand& band(std::int64_t layer, std::int64_t layers) const {
    return bands[static_cast<std::size_t>(layer * static_cast<std::int64_t>(bands.size()) /
                                          layers)];
  }
  bool same_band(std::int64_t a, std::int64_t b, std::int64_t layers) const {
    return &band(a, layers) == &band(b, layers);
  }
  // Vectors above for a sequence of n tokens, over the 2 n of a full cache; mean over bands.
  double held_share(double n) const;
  double lower_share(double n) const;  // of the full cache in the lower tier; above 1: more, copies
  bool works_below(KvWork work) const;  // some band does this in the lower tier, reading
  bool uses_lower() const;
};

}  // namespace terrace
