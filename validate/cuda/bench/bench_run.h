// Measures groups of micro-benchmarks, or asks the simulator the same; both leave JSON of the same
// points, so that one can be laid beside the other.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "results/database.h"
#include "validate/cuda/bench/bench_group.h"
#include "validate/cuda/nvml.h"

namespace terrace::cuda {

struct MeasuredCase {
  Case c;
  Summary summary;
};

struct SkippedCase {
  std::string text, why;
  bool failed = false;  // a call failed; else the GPU cannot do it
};

struct GroupState {
  std::string group;
  GpuState before, busiest;  // its cases; busiest: when a case ended that drew most power
};

struct BenchReport {
  DeviceInfo device;
  std::string date, version;  // UTC, ISO 8601; of the code
  bool quick = false;
  std::vector<MeasuredCase> points;
  std::vector<SkippedCase> skipped;
  std::vector<GroupState> states;

  std::string to_json() const;
  // Median, p10 and p90 of every case; source: GPU, driver and date.
  std::vector<Measurement> measurements() const;
};

struct BenchHooks {
  // Before each case, and at the end with all done; throws to end the measurement.
  std::function<void(std::size_t done, std::size_t all, const std::string& what)> progress;
  std::function<void()> breathe;  // between repeats
};

// Throws NoGpu, GpuError before the first case, and what the hooks throw. A case that the GPU
// cannot do is skipped, as is one that fails; once the GPU no longer answers, all that are left
// are.
BenchReport measure(const std::vector<std::string>& groups, bool quick, const DeviceInfo& device,
                    const BenchHooks& hooks);

struct PredictedCase {
  Case c;
  std::optional<double> value, bound;  // in the unit of the case
};

struct BenchPrediction {
  std::string system, version;
  bool quick = false;
  std::vector<PredictedCase> points;
  std::string to_json() const;
};

BenchPrediction predict(const std::vector<std::string>& groups, bool quick, const Machine& machine,
                        const std::string& system);

// Why a device cannot do a case; "" when it can.
std::string why_not(const Case& c, const DeviceInfo& device);

std::string utc_now();  // "2026-01-31T12:00:00Z"

}  // namespace terrace::cuda
