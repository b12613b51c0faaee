// Inputs lie in the array, weights stream through its rows, sums run down its columns. Source:
// SCALE-Sim (Samajdar et al., ISPASS 2020). State: none.
#include <utility>

#include "models/accel/held_operand.h"
#include "sim/registry.h"

namespace terrace {
namespace {

class InputStationary final : public Dataflow {
 public:
  struct Params {
    bool shadow_registers = false;
    static void fields(Schema<Params>& s) {
      s.field("shadow_registers", &Params::shadow_registers,
              "a second register for what is held: folds follow each other without a gap");
    }
  };
  InputStationary(const Params& params, const Context&) : params_(params) {}

  std::int64_t cycles(ArraySize array, std::int64_t rows, std::int64_t columns,
                      std::int64_t stream) const override {
    return held_cycles(array, rows, columns, stream);
  }
  Plan plan(const ArrayGemm& g, ArraySize array, const Scratchpads& pads,
            double bytes_per_cycle) const override {
    Plan plan =
        plan_held({g.k, g.m, g.n, g.input_bytes, g.weight_bytes, g.output_bytes, pads.input,
                   pads.weight, pads.output, pads.accumulator_bytes, params_.shadow_registers},
                  array, bytes_per_cycle);
    std::swap(plan.traffic.input_reads, plan.traffic.weight_reads);
    return plan;
  }

 private:
  Params params_;
};
TERRACE_REGISTER(Dataflow, InputStationary, "input_stationary",
                 "inputs stay in the array, weights stream through");

}  // namespace
}  // namespace terrace
