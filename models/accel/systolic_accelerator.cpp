// An accelerator of systolic arrays with lanes beside them: a TPU, or the spatial arrays of FLAT
// and FuseMax. Products run fold by fold (systolic_array.h), attention by its schedule. Source:
// configs/accel (papers and data sheets: each value says which). State: none.
#include "models/accel/accelerator_kernels.h"
#include "sim/component.h"
#include "sim/registry.h"

namespace terrace {
namespace {

class SystolicAccelerator final : public Component {
 public:
  using Params = AcceleratorParams;
  SystolicAccelerator(const Params& params, const Context& context)
      : params_(params), name_(context.name) {}

  void build(Machine& machine) const override {
    Params p = params_;
    p.memory.connect(name_ + ".hbm", machine.fidelity(name_ + ".hbm"));
    const auto kernels = std::make_shared<const ArrayKernels>(p);
    const ArrayEnergy& e = p.array.energy;
    AcceleratorParts parts;
    parts.name = name_;
    parts.stations = {{{".array", "FLOP", kernels->array_rate(), e.multiply_add.value() / 2,
                        ResourceClass::compute, "multiply-adds of the 2-D arrays"},
                       {".lanes", "FLOP", kernels->lane_rate(), e.add.value(),
                        ResourceClass::compute, "operations of the 1-D lanes"},
                       {".scratchpad", "B", kernels->scratchpad_rate(),
                        (e.buffer_read + e.buffer_write).value() / 2, ResourceClass::cache,
                        "bytes between scratchpads and arrays"},
                       {".hbm", "B", p.memory.peak.value(), p.memory.energy.value(),
                        ResourceClass::memory, "bytes between scratchpads and memory"}}};
    parts.memory = p.memory;
    parts.reserved = p.reserved;
    parts.copy_start = p.copy_start;
    parts.idle_power = p.idle_power;
    parts.price = p.price;
    // Serving sizes its activations by these, as vLLM does on a GPU: an array has no threads.
    parts.facts = {{"sm_count", p.arrays},
                   {"max_threads_per_sm", p.lanes},
                   {"capability", 0},
                   {"l2_capacity", p.scratchpads().value()},
                   {"power_limit", p.power_limit.value()},
                   {"total_flops.bf16", kernels->array_rate()},
                   {"total_flops.fp16", kernels->array_rate()}};
    add_accelerator(machine, parts, kernels);
  }

 private:
  Params params_;
  std::string name_;
};
TERRACE_REGISTER(Component, SystolicAccelerator, "systolic_accelerator",
                 "systolic arrays with scratchpads, lanes and a memory");

}  // namespace
}  // namespace terrace
