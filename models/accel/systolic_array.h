// A systolic array with input, weight and output scratchpads, double-buffered from a memory:
// cycles, stalls, traffic and energy of a matrix product in closed form, at a cost that does not
// grow with its size.
#pragma once

#include <memory>

#include "models/accel/array_energy.h"
#include "models/accel/dataflow.h"
#include "sim/registry.h"
#include "sim/units.h"

namespace terrace {

struct SystolicParams {
  int rows = 128, columns = 128;
  PerSecond clock{940e6};
  Choice<Dataflow> dataflow = Choice<Dataflow>::of("weight_stationary");
  Bytes input_scratchpad{8u << 20}, weight_scratchpad{4u << 20}, output_scratchpad{4u << 20};
  int element_bytes = 2, accumulator_bytes = 4;
  ArrayEnergy energy;

  static void fields(Schema<SystolicParams>& s);
  void check(Checker& c) const;
};

struct SystolicRun {
  std::int64_t folds = 0, compute_cycles = 0;
  double cycles = 0;               // with stalls
  double stall_cycles = 0;         // cycles - compute_cycles
  double utilisation = 0;          // multiply-adds / (elements x cycles)
  double compute_utilisation = 0;  // the same without stalls
  double multiply_adds = 0;
  ScratchpadTraffic scratchpads;                       // elements
  double scratchpad_read = 0, scratchpad_written = 0;  // bytes
  double memory_read = 0, memory_written = 0;          // bytes
  Joules array_energy, scratchpad_energy;
  Seconds seconds;
};

class SystolicArray {
 public:
  explicit SystolicArray(const SystolicParams& params);
  const SystolicParams& params() const { return params_; }
  FlopsPerSecond peak() const;

  // `memory`: what the array's memory delivers; an infinite rate leaves the compute cycles.
  SystolicRun run(const ArrayGemm& gemm, BytesPerSecond memory) const;
  Dataflow::Plan plan(const ArrayGemm& gemm, BytesPerSecond memory) const;

 private:
  SystolicParams params_;
  std::shared_ptr<const Dataflow> dataflow_;
};

}  // namespace terrace
