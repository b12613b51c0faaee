// One data-parallel replica: the loop of its engine. Which steps are under way, when the next one
// may be formed, which copies run beside them. After vLLM 0.19, v1/engine/core.py (step,
// step_with_batch_queue).
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "workloads/llm/step_builder.h"
#include "workloads/serving/copy_writer.h"
#include "workloads/serving/engine_params.h"
#include "workloads/serving/scheduler.h"

namespace terrace {

// Steps and copies counted by what they were.
struct StepCounts {
  std::int64_t decode = 0, prefill = 0, mixed = 0;
  std::int64_t copies[copy_kinds] = {};
  std::int64_t decode_tokens = 0;  // of steps of one token for every request
  Time decode_time;                // in which no other step was under way
};

class Replica {
 public:
  struct Parts {  // the serving engine's, shared by all replicas
    Sequences& sequences;
    StepBuilder& builder;
    const CopyWriter& copies;
  };
  struct Setup {
    std::int32_t index = 0, replicas = 1;
    std::size_t depth = 2;   // steps under way at most
    EngineId driver = none;  // host thread; none: takes no time
    GroupId group = none;    // whose driver it stands for
    HostTimes host;
    std::int64_t blocks = 0;
    KvBlocks::Limits limits;
    Scheduler::Limits scheduler;
    std::vector<Rung> rungs;  // empty: no tiers
    std::int64_t chunk_blocks = 1;
    TierId swap_tier = none;
    std::int64_t swap_blocks = 0;
  };
  Replica(const Parts& parts, Setup setup);

  void arrive(Slot slot) { inbox_.push_back(slot); }
  std::optional<Step> next(Time now);  // call until there is nothing
  // When the host thread is free to form another step; never(): completions and arrivals matter.
  Time wake() const;
  bool awaits_arrivals() const { return in_flight_.empty() && !held_; }
  bool idle() const {
    return scheduler_.idle() && inbox_.empty() && awaits_arrivals() && outbox_.empty() &&
           copying_.empty();
  }

  // A step or copy of it is done. True: a compute step, whose outcome is in output().
  bool completed(std::int64_t id, Time now);
  const StepOutput& output() const { return output_; }

  std::int64_t running() const { return static_cast<std::int64_t>(scheduler_.running()); }
  std::int64_t waiting() const {  // not running, arrived
    return static_cast<std::int64_t>(scheduler_.waiting() + inbox_.size());
  }
  std::int64_t cached_tokens(Slot slot);  // of a waiting prompt, in HBM
  const Scheduler& scheduler() const { return scheduler_; }
  const BlockPool& pool() const { return blocks_.pool(); }
  const LowerTiers* tiers() const { return tiers_.get(); }
  const StepCounts& counts() const { return counts_; }

 private:
  struct UnderWay {
    std::int64_t id = 0;
    std::unique_ptr<StepPlan> plan;
    std::int64_t decodes = 0;  // 0: prompts are among it
    Time formed;
    std::vector<CopyJob> after;  // copies that wait for its end
  };
  bool wants_step() const;
  bool held_back() const;
  std::optional<Step> form(Time now);
  Step build(const StepPlan& plan, std::int64_t id);
  Step copy(const CopyJob& job);
  void hold(UnderWay step, Step graph);
  std::optional<Step> nothing_to_run(StepPlan& plan, Time now);
  std::unique_ptr<StepPlan> fresh_plan();

  Parts parts_;
  Setup setup_;
  KvBlocks blocks_;
  std::unique_ptr<LowerTiers> tiers_;
  std::unique_ptr<SwapRoom> swap_;
  Scheduler scheduler_;
  Batch batch_;
  StepIds ids_;
  std::deque<Slot> inbox_;  // arrived, not yet polled
  std::deque<UnderWay> in_flight_;
  std::deque<CopyJob> outbox_;  // copies that may start
  struct Copying {
    std::int64_t id;
    CopyKind kind;
  };
  std::vector<Copying> copying_;
  std::vector<std::unique_ptr<StepPlan>> spare_plans_;
  // A formed step whose blocks are still being copied out.
  struct Held {
    UnderWay step;
    Step graph;
    std::vector<CopyJob> after_steps;     // copies that wait for the steps under way
    std::vector<std::int64_t> waits_for;  // ids of copies
  };
  std::optional<Held> held_;
  std::optional<Step> formed_;  // to be handed over after the outbox
  StepOutput output_;
  StepCounts counts_;
  bool retry_ = false;  // something has changed since the last attempt to form a step
  Time last_step_;      // when the last step ended
  Time host_free_;      // when the host thread has handed over what was formed
};

// The same step behind an op of the host thread.
Step behind_host(const Step& body, const Op& host);

}  // namespace terrace
