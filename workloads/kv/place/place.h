// The family of those who say where entries live and which of them a step reads.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/registry.h"
#include "workloads/kv/access_plan.h"
#include "workloads/kv/events.h"
#include "workloads/kv/head_cache.h"

namespace terrace {

// What the queries of a chunk read of one head.
struct Selection {
  bool all = true;
  std::vector<std::int32_t> slots;  // ascending, where not all; the chunk's own are read anyway
  std::vector<float> log_weights;   // added to their logits (sampling); empty: none
};

// One for each KV head.
class KvPlace {
 public:
  struct Context : MemberContext {
    PageLayout layout;
  };
  static constexpr const char* family = "place";
  static constexpr const char* meaning = "where cached tokens live, and which of them a step reads";

  virtual ~KvPlace() = default;
  virtual bool looks_above() const { return false; }         // select() uses `above`
  virtual bool selects_in_prefill() const { return false; }  // else a prompt's queries read all
  virtual void appended(const HeadChunk&, const HeadCache&) {}
  virtual void kept(const std::vector<std::int32_t>& /*slots*/, const HeadCache&) {}
  // Before attention: the chunk's own entries are in the cache already. `above` is what the same
  // head of the layer above chose in this step; null for the first layer.
  virtual void select(const HeadChunk&, const HeadCache&, const Selection* /*above*/,
                      Selection& out) {
    out.all = true;
  }
  // Adds what select() and its reads take. Here: stretches of pages from the hot tier.
  virtual void plan(const HeadChunk& chunk, const HeadCache& cache, const Selection& chosen,
                    AccessPlan& out) const;
  virtual double bits() const { return 0; }  // label caches, tables, in the hot tier
  // Entries whose keys and values are in the hot tier; the rest are in the lower one.
  virtual std::int64_t hot_entries(const HeadCache& cache) const { return cache.size(); }

 protected:
  explicit KvPlace(const Context& context) : context_(context) {}
  // Reads of the chosen entries: keys and values, each in its own stretches.
  PlanItem reads(const HeadCache& cache, const Selection& chosen, KvWork work, KvTier tier) const;
  Context context_;
};

}  // namespace terrace
