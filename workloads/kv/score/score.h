// The family of those who say how important a cached token is to a head.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/registry.h"
#include "workloads/kv/entry_column.h"
#include "workloads/kv/events.h"
#include "workloads/kv/head_cache.h"

namespace terrace {

// One for each KV head. Told in this order: appended, attended (maybe in several pieces), then,
// where room must be made, score and kept.
class KvScore {
 public:
  using Context = MemberContext;
  static constexpr const char* family = "score";
  static constexpr const char* meaning = "how important a cached token is to a head";

  // What it costs a machine: bits kept beside every entry, and numbers a call of score() touches.
  struct Cost {
    double bits_per_entry = 0, flops_per_entry = 0;
    bool reads_keys = false, reads_values = false;  // score() goes over all of them
    bool needs_logits = false;                      // attended() looks at them
  };

  virtual ~KvScore() = default;
  virtual Cost cost() const { return {}; }
  // Of which of the chunk's tokens it wants to see the attention: numbers in the chunk, ascending.
  // Few of many are a vote, computed apart; all are what a fused kernel does not give.
  virtual void queries(const HeadChunk&, std::vector<std::int32_t>& /*wanted*/) const {}
  // The last chunk.tokens entries of the cache are new.
  virtual void appended(const HeadChunk&, const HeadCache&) {}
  virtual void attended(const Attended&, const HeadCache&) {}
  // Of every entry, the higher the more it should stay; -infinity goes first.
  virtual void score(const HeadCache&, float* out) = 0;
  virtual void kept(const std::vector<std::int32_t>& /*slots*/) {}  // these stay, in this order
  virtual void turn_ended() {}                                      // of a conversation
};

}  // namespace terrace
