// Runs a plan on the GPU and times it: whole steps, and every op by events before and after it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "validate/cuda/device.h"
#include "validate/cuda/execute/plan.h"

namespace terrace::cuda {

struct Spread {                          // of repeats, s
  double median = 0, low = 0, high = 0;  // low, high: 10th and 90th percentile
  int repeats = 0;
};
Spread spread_of(std::vector<double> seconds);

struct OpTime {
  std::string label;
  std::int64_t count = 0;  // in a step, rounds counted
  double seconds = 0;      // of all of them; median over repeats
};

struct Execution {
  Spread step;              // as the step is launched by an engine
  bool captured = false;    // from a CUDA graph, as the graph of ops says; else op by op
  Spread eager;             // op by op
  std::vector<OpTime> ops;  // in the order of their first launch
  std::string gemm_library;
};

struct ExecuteOptions {
  int repeats = 20, warm_up = 3;
  int least = 5;                  // repeats however long they take;
  double seconds = 3;             // no more of them after so long
  std::function<void()> breathe;  // between repeats; what it throws ends the measurement
};

// Throws NoGpu where the plan does not fit into what is there, GpuError where a call fails.
Execution execute(const Plan& plan, const Step& step, const ExecuteOptions& options = {});

// What a plan for this device should know of it.
PlanOptions plan_options(const DeviceInfo& device);

}  // namespace terrace::cuda
