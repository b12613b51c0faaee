// Runs op graphs on the machine's engines: who may start, what it waits for, when it ends. Pure
// event logic with an explicit clock; sim/simulate.h puts it into SystemC.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "sim/accounts.h"
#include "sim/flow_network.h"
#include "sim/machine.h"
#include "sim/op_graph.h"
#include "sim/trace.h"

namespace terrace {

class Executor {
 public:
  struct Options {
    bool fold = true;            // time identical rounds once; changes no result
    TraceSink* trace = nullptr;  // not owned
  };
  Executor(const Machine& machine, Options options);
  ~Executor();

  void submit(Step step, Time now);
  Time next_event() const;  // never() when nothing is under way
  struct Done {
    std::int64_t step = 0;
    std::int32_t lane = 0;
  };
  void advance(Time now, std::vector<Done>& done);  // `now` must not pass next_event()

  const Accounts& accounts() const { return accounts_; }
  const FlowNetwork& network() const { return main_.network; }
  std::int64_t events() const { return events_; }  // for benchmarks: how much work the clock did

 private:
  struct OpRun;
  struct Unit;
  struct StepRun;
  struct Timer {
    Time at;
    std::uint64_t order = 0;
    std::int32_t slot = 0, vertex = 0, unit = 0;  // vertex < 0: end of a folded unit
    std::uint32_t generation = 0;
    bool operator<(const Timer& o) const { return at != o.at ? at > o.at : order > o.order; }
  };
  // A clock of its own: the main one, and one to replay the round in which a folded unit is
  // interrupted.
  struct Clock {
    FlowNetwork network;
    std::vector<Timer> timers;  // heap, earliest first
  };
  struct EngineState {
    std::vector<std::pair<std::int32_t, std::int32_t>>
        queue;  // (slot, units left), in order of submission
    std::int32_t holder_slot = -1, holder_unit = -1;
    bool busy = false;  // an op of the holder runs
  };

  std::size_t idx(std::int64_t i) const { return static_cast<std::size_t>(i); }
  StepRun& run(std::int32_t slot) { return *runs_[idx(slot)]; }
  void lay_out(StepRun& run);
  void try_units(std::int32_t slot, Time now);
  bool may_start(const Unit& unit, std::int32_t slot) const;
  void start_unit(std::int32_t slot, std::int32_t unit, Time now);
  void start_round(Clock& clock, std::int32_t slot, std::int32_t unit, Time now);
  void try_ops(Clock& clock, std::int32_t slot, Unit& unit, Time now, std::int32_t enabler);
  void begin_op(Clock& clock, std::int32_t slot, OpVertex v, Time now);
  void begin_flows(Clock& clock, std::int32_t slot, OpVertex v, Time now);
  void end_op(Clock& clock, std::int32_t slot, OpVertex v, Time now, std::int32_t bottleneck);
  void end_round(std::int32_t slot, std::int32_t unit, Time now);
  void end_unit(std::int32_t slot, std::int32_t unit, Time now);
  void end_step(std::int32_t slot, Time now);
  bool fold(std::int32_t slot, std::int32_t unit, Time now);
  void unfold(std::int32_t slot, std::int32_t unit, Time now);
  void interrupt_folds(const OpPlan& plan, Time now);
  void account_round(StepRun& run, Unit& unit, std::int64_t times, Time period, Time after);
  void account_path(StepRun& run, Time now);
  void release(std::int32_t engine, std::int32_t slot);
  void process(Clock& clock, Time now);
  static Time next_of(const Clock& clock);

  const Machine& machine_;
  Options options_;
  Accounts accounts_;
  Clock main_, replay_;
  std::vector<EngineState> engines_;
  std::vector<std::unique_ptr<StepRun>> runs_;
  std::vector<std::int32_t> free_slots_, free_owners_, retry_;
  std::vector<std::pair<std::int32_t, std::int32_t>> folds_;  // (slot, unit)
  std::vector<FlowNetwork::Ended> ended_;
  std::vector<Done> done_;
  Time done_at_;
  std::int32_t owners_ = 0;
  std::uint64_t order_ = 0;
  std::int64_t events_ = 0;
};

}  // namespace terrace
