// The KV cache of one sequence under a policy. The same object runs on a captured trace, inside of
// a model, and, by its access plans, in the simulator.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "workloads/capture/attention_hook.h"
#include "workloads/kv/access_plan.h"
#include "workloads/kv/kv_policy.h"

namespace terrace {

struct CacheSetup {
  KvShape shape;
  std::uint64_t seed = 0;
  std::int64_t raw_bits = 16;                   // of a number that no codec has touched
  const AttentionTrace* calibration = nullptr;  // what members may learn from; null: nothing
  std::vector<AttentionWeights> weights;        // of each layer; empty: not known
  std::vector<RowsView> guide;  // by layer * heads + query head: queries of a question; or empty
  const std::uint8_t* tags = nullptr;  // by position; null: none
  bool plans = false;                  // whether plan() is filled
};

// Bits held now, everything included.
struct CacheBits {
  double keys = 0, values = 0;     // entries: codes, scales, zeros, indices
  double scores = 0, compact = 0;  // columns beside entries, residues, weights
  double labels = 0;               // of the placement
  double positions = 0;            // where RoPE is applied when read
  double shared = 0;               // codebooks and bases, once for all sequences
  double lower = 0;                // of keys and values, in the lower tier
  double sequence() const { return keys + values + scores + compact + labels + positions; }
};

// Where the cache is asked to tell what a step read: positions of entries, of one KV head.
using ReadObserver = std::function<void(std::int64_t layer, std::int64_t head,
                                        const std::vector<std::int32_t>& positions)>;

class PolicyCache {
 public:
  PolicyCache(const KvPolicy& policy, CacheSetup setup);  // throws BuildError
  ~PolicyCache();
  PolicyCache(const PolicyCache&) = delete;
  PolicyCache& operator=(const PolicyCache&) = delete;

  // New tokens of one layer; layers come in order. `out` ([tokens][heads][head_dim]) is their
  // attention over what is cached and over each other, or null where nobody asks. Then scores are
  // told, room is made and entries are coded: a token's own step sees it raw.
  void attend(const LayerTokens& in, Phase phase, bool ends_prompt, float* out);
  void end_turn();  // a conversation pauses: room is made whatever the interval

  const HeadCache& head(std::int64_t layer, std::int64_t kv_head) const;
  std::int64_t seen(std::int64_t layer) const;                          // tokens handed over
  std::int64_t budget(std::int64_t layer, std::int64_t kv_head) const;  // at the last eviction
  CacheBits bits() const;
  double peak_bits() const;        // largest sequence() after any layer
  const AccessPlan& plan() const;  // since clear_plan()
  void clear_plan();
  void observe_reads(ReadObserver observer);
  bool couples_layers() const;  // a layer needs what the layers below did in the same step

 private:
  struct Engine;
  std::unique_ptr<Engine> engine_;
};

}  // namespace terrace
