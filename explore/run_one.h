// One scenario, simulated in this process. SystemC allows that once.
#pragma once

#include <string>

#include "sim/record.h"
#include "sim/scenario.h"
#include "sim/trace.h"

namespace terrace {

struct RunOptions {
  bool progress = true;
  TraceSink* trace = nullptr;
};

// Throws ConfigError before anything runs; Interrupted on Ctrl-C.
Record run_one(const Scenario& scenario, const Machine& machine, Workload& workload,
               const RunOptions& options);

double peak_memory_bytes();  // of this process, so far

}  // namespace terrace
