// Forms the next step of one replica and takes in the tokens of the last one: continuous batching
// as vLLM 0.19 does it (v1/core/sched/scheduler.py and async_scheduler.py), first come, first
// served.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "workloads/serving/kv_blocks.h"
#include "workloads/serving/lower_tiers.h"
#include "workloads/serving/sequences.h"
#include "workloads/serving/swap_room.h"

namespace terrace {

// A step as it was scheduled.
struct StepPlan {
  struct Part {
    Slot slot = 0;
    std::int32_t context = 0, tokens = 0;
    bool samples = false;  // reaches the last known token: a new one comes out
  };
  std::vector<Part> parts;         // running requests first, then admitted ones
  std::vector<Slot> preempted;     // latest first
  std::vector<CopyJob> loads;      // may start at once
  std::vector<CopyJob> swap_outs;  // must end before the step starts
  bool flushes_stores = false;     // … and so must all stores under way
  std::int64_t tokens = 0;

  void clear();
};

// What came out of a step.
struct StepOutput {
  std::vector<Slot> first;     // their first token
  std::vector<Slot> finished;  // their last; blocks are free, the slots are the caller's to remove
  std::int64_t tokens = 0;
  // Time between tokens of one request: `steady` requests had theirs at the same moment last time.
  std::int64_t steady = 0;
  Time steady_gap;
  std::vector<Time> gaps;  // of the others

  void clear();
};

struct CacheCounts {            // of the first admission of every request
  std::int64_t references = 0;  // blocks of prompts, a partial last one included
  std::int64_t hbm_blocks = 0;
  std::vector<std::int64_t> tier_blocks;
  std::int64_t again_tokens = 0;  // of resumed requests: found again after a preemption

  void add(const CacheCounts& o) {
    references += o.references;
    hbm_blocks += o.hbm_blocks;
    tier_blocks.resize(std::max(tier_blocks.size(), o.tier_blocks.size()));
    for (std::size_t r = 0; r < o.tier_blocks.size(); ++r) tier_blocks[r] += o.tier_blocks[r];
  }
};

class Scheduler {
 public:
  struct Limits {
    std::int32_t max_num_seqs = 256, max_num_batched_tokens = 2048, max_model_len = 32768;
    std::int32_t long_prefill_token_threshold = 0;
    bool chunked_prefill = true, reserve_full_input = true;
    bool placeholders =
        true;  // schedules tokens behind ones that are not out yet (async scheduling)
  };
  // `tiers` and `swap` may be null.
  Scheduler(Sequences& sequences, KvBlocks& blocks, const Limits& limits, LowerTiers* tiers,
            SwapRoom* swap)
      : sequences_(sequences), blocks_(blocks), limits_(limits), tiers_(tiers), swap_(swap) {}

  void add(Slot slot, Time now);  // the engine polled it: it joins the waiting line
  // `ids` numbers the copies that come of it.
  void schedule(StepPlan& plan, Time now, StepIds& ids);
  void update(const StepPlan& plan, StepOutput& out, Time now);
  void copied(CopyKind kind, std::int64_t job);  // a copy of this replica is done

  std::size_t running() const { return running_.size(); }
  std::size_t waiting() const { return waiting_.size() + skipped_.size(); }
  bool idle() const { return running_.empty() && waiting() == 0; }
  std::int64_t preemptions() const { return preemptions_; }
  std::int64_t swaps() const { return swaps_; }
  std::int64_t loads_given_up() const { return loads_given_up_; }
  std::int64_t dropped_tokens() const {
    return dropped_tokens_;
  }  // computed, and lost by preemption
  const CacheCounts& counts() const { return counts_; }

 private:
  enum class Admission { admitted, parked, blocked };

  void run_on(StepPlan& plan, Time now, std::int32_t& budget, StepIds& ids);
  void preempt(StepPlan& plan, Slot slot, Time now, StepIds& ids);
  bool swap_out(StepPlan& plan, Slot slot, StepIds& ids);
  void admit(StepPlan& plan, Time now, std::int32_t& budget, StepIds& ids);
  bool give_up_loaded(const StepPlan& plan, Slot head);
  Admission try_admit(StepPlan& plan, Slot slot, Time now, std::int32_t& budget, StepIds& ids);
  void park(StepPlan& plan, Slot slot, std::int64_t outside, StepIds& ids);
  void promote(Slot slot);
  void count_hits(Slot slot, std::int64_t hbm_tokens, bool from_tiers);
  void commit(StepPlan& plan);
  void finish(Slot slot, Time now);

  Sequences& sequences_;
  KvBlocks& blocks_;
  Limits limits_;
  LowerTiers* tiers_;
  SwapRoom* swap_;
  std::vector<Slot> running_;           // in the order of admission
  std::deque<Slot> waiting_, skipped_;  // skipped: parked for a copy; served first
  std::vector<Slot> parked_;            // in this schedule()
  std::vector<std::pair<std::int64_t, Slot>> swapping_in_;  // copies under way
  Time last_output_ = Time::ps(-1);                         // when the step before gave its tokens
  std::int64_t preemptions_ = 0, swaps_ = 0, dropped_tokens_ = 0, loads_given_up_ = 0;
  CacheCounts counts_;
  std::map<Slot, CacheCounts> loading_counts_;  // of those that load
};

}  // namespace terrace
