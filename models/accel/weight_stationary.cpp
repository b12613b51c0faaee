// Weights lie in the array, inputs stream through its rows, sums run down its columns: what a TPU
// does. Source: Jouppi et al., "In-datacenter performance analysis of a tensor processing unit",
// ISCA 2017; cycles as in SCALE-Sim (Samajdar et al., ISPASS 2020). State: none.
#include "models/accel/held_operand.h"
#include "sim/registry.h"

namespace terrace {
namespace {

class WeightStationary final : public Dataflow {
 public:
  struct Params {
    bool shadow_registers = false;
    static void fields(Schema<Params>& s) {
      s.field("shadow_registers", &Params::shadow_registers,
              "a second register for what is held: folds follow each other without a gap");
    }
  };
  WeightStationary(const Params& params, const Context&) : params_(params) {}

  std::int64_t cycles(ArraySize array, std::int64_t rows, std::int64_t columns,
                      std::int64_t stream) const override {
    return held_cycles(array, rows, columns, stream);
  }
  Plan plan(const ArrayGemm& g, ArraySize array, const Scratchpads& pads,
            double bytes_per_cycle) const override {
    return plan_held({g.k, g.n, g.m, g.weight_bytes, g.input_bytes, g.output_bytes, pads.weight,
                      pads.input, pads.output, pads.accumulator_bytes, params_.shadow_registers},
                     array, bytes_per_cycle);
  }

 private:
  Params params_;
};
TERRACE_REGISTER(Dataflow, WeightStationary, "weight_stationary",
                 "weights stay in the array, inputs stream through");

}  // namespace
}  // namespace terrace
