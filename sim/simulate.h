// Runs a workload on a machine inside SystemC and leaves a record. Once per process: SystemC's
// rule.
#pragma once

#include <atomic>
#include <functional>

#include "sim/executor.h"
#include "sim/record.h"
#include "sim/workload.h"

namespace terrace {

struct SimulateOptions {
  Executor::Options executor;
  std::function<void(double progress, Time now)> progress;  // called now and then; empty: never
  const std::atomic<bool>* stop = nullptr;                  // set: ends early with Interrupted
};

struct Interrupted {};

// Fills outcome and statistics of `record`. Throws Interrupted, BuildError or std::runtime_error (a
// workload that waits for nothing).
void simulate(const Machine& machine, Workload& workload, const SimulateOptions& options,
              Record& record);

}  // namespace terrace
