// Schema of a systolic array, and a product on it.
#include "models/accel/systolic_array.h"

#include <string>

namespace terrace {

void SystolicParams::fields(Schema<SystolicParams>& s) {
  using P = SystolicParams;
  s.field("rows", &P::rows, "processing elements in a column").between(1, 65536);
  s.field("columns", &P::columns, "processing elements in a row").between(1, 65536);
  s.field("clock", &P::clock, "a multiply-add of every element a cycle").above(PerSecond(0));
  s.field("dataflow", &P::dataflow, "the operand that stays in the array");
  s.field("input_scratchpad", &P::input_scratchpad, "both halves of the double buffer");
  s.field("weight_scratchpad", &P::weight_scratchpad, "both halves of the double buffer");
  s.field("output_scratchpad", &P::output_scratchpad, "both halves; holds partial sums");
  s.field("element_bytes", &P::element_bytes, "of an operand").one_of({1, 2, 4});
  s.field("accumulator_bytes", &P::accumulator_bytes, "of a partial sum").one_of({2, 4, 8});
  s.field("energy", &P::energy, "energy by what spends it");
}

void SystolicParams::check(Checker& c) const {
  const double tile = 2.0 * rows * columns;
  const auto need = [&](const char* key, Bytes have, int bytes) {
    if (have.value() < tile * bytes)
      c.fail(key, to_text(have) + " is less than a double-buffered tile of the array, " +
                      to_text(Bytes(tile * bytes)));
  };
  need("input_scratchpad", input_scratchpad, element_bytes);
  need("weight_scratchpad", weight_scratchpad, element_bytes);
  need("output_scratchpad", output_scratchpad, accumulator_bytes);
}

SystolicArray::SystolicArray(const SystolicParams& params)
    : params_(params), dataflow_(params.dataflow.make({})) {}

FlopsPerSecond SystolicArray::peak() const {
  return FlopsPerSecond(2.0 * params_.rows * params_.columns * params_.clock.value());
}

Dataflow::Plan SystolicArray::plan(const ArrayGemm& gemm, BytesPerSecond memory) const {
  const SystolicParams& p = params_;
  return dataflow_->plan(gemm, {p.rows, p.columns},
                         {p.input_scratchpad.value(), p.weight_scratchpad.value(),
                          p.output_scratchpad.value(), static_cast<double>(p.accumulator_bytes)},
                         memory.value() / p.clock.value());
}

SystolicRun SystolicArray::run(const ArrayGemm& gemm, BytesPerSecond memory) const {
  const Dataflow::Plan plan = this->plan(gemm, memory);
  const double count = static_cast<double>(gemm.count);
  const FoldTime t = time_folds(plan.nest, plan.cost, memory.value() / params_.clock.value());
  SystolicRun run;
  run.folds = plan.nest.folds() * gemm.count;
  run.compute_cycles = t.compute * gemm.count;
  run.cycles = t.total * count;
  run.stall_cycles = run.cycles - static_cast<double>(run.compute_cycles);
  run.multiply_adds = static_cast<double>(gemm.m) * static_cast<double>(gemm.n) *
                      static_cast<double>(gemm.k) * count;
  const double elements = static_cast<double>(params_.rows) * params_.columns;
  run.utilisation = run.multiply_adds / (elements * run.cycles);
  run.compute_utilisation =
      run.multiply_adds / (elements * static_cast<double>(run.compute_cycles));
  run.scratchpads = {plan.traffic.input_reads * count, plan.traffic.weight_reads * count,
                     plan.traffic.output_reads * count, plan.traffic.output_writes * count};
  run.memory_read = t.loaded * count;
  run.memory_written = t.stored * count;
  // What the memory brings is written into a scratchpad first.
  const double sum = params_.accumulator_bytes;
  run.scratchpad_read = run.scratchpads.input_reads * gemm.input_bytes +
                        run.scratchpads.weight_reads * gemm.weight_bytes +
                        run.scratchpads.output_reads * sum;
  run.scratchpad_written = run.memory_read + run.scratchpads.output_writes * sum;
  const ArrayEnergy& e = params_.energy;
  run.array_energy = e.multiply_add * run.multiply_adds;
  run.scratchpad_energy =
      e.buffer_read * Bytes(run.scratchpad_read) + e.buffer_write * Bytes(run.scratchpad_written);
  run.seconds = Seconds(run.cycles / params_.clock.value());
  return run;
}

}  // namespace terrace
