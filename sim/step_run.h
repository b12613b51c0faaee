// The executor's book on one step under way. Private to sim/executor*.cpp.
#pragma once

#include "sim/executor.h"

namespace terrace {

struct Executor::OpRun {
  OpPlan plan;
  bool planned = false;
  std::int32_t unit = 0, row = 0;
  std::int32_t inner_pending = 0,
               pending = 0;  // edges from its own unit: in all, still open this round
  std::int32_t open_flows = 0;
  std::int32_t enabler = -1;  // the op whose end let it start; -1: the start of the round
  std::int32_t bottleneck = -1;
  Time started, flows_at, ended;
};

// A vertex, or a repeated stretch of them: holds its engines from its first op to its last.
struct Executor::Unit {
  OpVertex first = 0, last = 0;
  std::int64_t times = 1, rounds = 0;
  boost::container::small_vector<EngineId, 4> engines;
  std::int32_t pending = 0;   // edges from other units still open
  std::int32_t enabler = -1;  // the unit that ended last among those waited for
  std::int32_t owner = -1;
  std::int32_t open_ops = 0, last_ended = -1;
  boost::container::small_vector<std::int32_t, 8>
      waiting;  // ops ready but without their engine, by vertex
  Time ready_at, started, round_started, ended;
  boost::container::small_vector<std::pair<std::int32_t, Time>, 8>
      path;  // (cause, time) along its critical paths
  bool folded = false;
  std::uint32_t generation = 0;
  Time fold_started, period;
  boost::container::small_vector<std::uint64_t, 4>
      resources;  // bit set of what a folded round uses
};

struct Executor::StepRun {
  Step step;
  Time submitted;
  std::vector<OpRun> ops;
  std::vector<Unit> units;
  std::vector<std::int32_t> ready;  // units whose inputs are there, by index
  std::int32_t open_units = 0, last_unit = -1;
};

}  // namespace terrace
