// Micro-benchmarks of a GPU: the family behind `terrace gpu-bench`. A group lists its cases on any
// machine, says how the simulator is asked the same, and measures where there is a GPU.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "sim/machine.h"
#include "sim/registry.h"
#include "validate/cuda/bench/case.h"
#include "validate/cuda/bench/timer.h"

namespace terrace::cuda {

// Names of a machine's first GPU and its host, as ops are written for them.
struct MachineParts {
  explicit MachineParts(const Machine& machine);  // throws std::runtime_error without a GPU
  const Machine& machine;
  const Device* gpu;
  std::string name;  // "gpu0"
  TierId hbm = none, host = none;
  EngineId compute = none, copy_in = none, copy_out = none;
  Op kernel(OpKind kind, const char* label) const;  // on the compute engine, its launch hidden
  // Reuse distance of data of `footprint` bytes: what a warm case says of its accesses.
  static double reuse(const Case& c, double footprint) {
    return c.warm() ? footprint : std::numeric_limits<double>::infinity();
  }
};

class BenchGroup {
 public:
  struct Context {};
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  static constexpr const char* family = "gpu_bench";
  static constexpr const char* meaning = "micro-benchmarks of a real GPU";
  virtual ~BenchGroup() = default;

  // The same on every machine; `quick`: a few of them. Their `group` is filled in by cases_of().
  virtual std::vector<Case> cases(bool quick) const = 0;
  virtual Sample measure(const Case& c, Timer& timer) = 0;  // throws GpuError, NotPossible
  // Started together, they take what the case should take; empty: the simulator has no such thing.
  virtual std::vector<Op> ops(const Case& c, const MachineParts& parts) const = 0;
  // Seconds by the simulator; by ops() unless a group knows better.
  virtual std::optional<double> predict(const Case& c, const MachineParts& parts) const;
  // Seconds that nothing can beat, in closed form; by the bytes and FLOPs of ops().
  virtual std::optional<double> bound(const Case& c, const MachineParts& parts) const;
};

std::vector<Case> cases_of(const std::string& group, const BenchGroup& bench, bool quick);

// Work over capacity of the busiest resource: memories, the L2, tensor cores, links.
double least_seconds(const MachineParts& parts, const std::vector<Op>& ops);

}  // namespace terrace::cuda
