// Representative steps of a scenario, predicted by the simulator and executed on a GPU.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "results/database.h"
#include "results/page.h"
#include "sim/scenario.h"
#include "validate/cuda/execute/run.h"

namespace terrace {

struct GpuStep {
  std::string name;  // "decode, 32 sequences of 1000 tokens"
  Record predicted;  // of this step alone
  std::size_t device_bytes = 0, pinned_bytes = 0;
  std::vector<std::string> remarks;
  std::string not_executed;  // why
  std::optional<cuda::Execution> measured;
};

struct GpuRun {
  Record record;                          // the prediction; backend "gpu", or "plan" without one
  std::vector<Measurement> measurements;  // `subject` is the name of the record's statistic
  std::vector<GpuStep> steps;
  std::string failure;  // what a call said that failed; the steps without it are kept
  Page page() const;
};

struct GpuRunOptions {
  std::vector<std::string> steps;  // "64x2048" (decode), "1x0+4096" (prefill); none: samples()
  bool execute = true;             // false: only plans and predicts, no GPU is needed
  bool progress = true;
};

// Throws cuda::NoGpu before anything is predicted where there is none; Interrupted on Ctrl-C.
GpuRun run_gpu(const Scenario& scenario, const Machine& machine, Workload& workload,
               const GpuRunOptions& options);

// Steps as --step writes them; of workloads that serve. Throws InputError.
std::vector<Workload::Sample> steps_of(Workload& workload, const std::vector<std::string>& texts);

}  // namespace terrace
