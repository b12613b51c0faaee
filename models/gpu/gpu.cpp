// A GPU: tensor cores, fp32 lanes, L2 and memory as shared resources; two streams, two copy engines
// and the host thread that drives it.
// Source: configs/gpu (data sheets, micro-benchmarks, fits: each value says which); the times of
// kernels are in their own files beside this one.
// State: none but what its kernels remember.
#include <memory>

#include "models/gpu/compute_engine.h"
#include "models/link/copy_engine.h"
#include "sim/component.h"
#include "sim/registry.h"

namespace terrace {
namespace {

class Gpu final : public Component {
 public:
  using Params = GpuParams;
  Gpu(const Params& params, const Context& context) : params_(params), name_(context.name) {}

  void build(Machine& machine) const override {
    GpuStations at;
    at.device = machine.add_device(device());
    add_stations(machine, at);
    GpuParams params = params_;
    params.memory.connect(name_ + ".hbm", machine.fidelity(name_ + ".hbm"));
    at.memory = add_tier(machine, at, params.memory);
    machine.serve(machine.tier(at.memory).resource, params.memory.service());
    const auto kernels = std::make_shared<const KernelLibrary>(params);
    const auto add = [&](const char* engine, std::unique_ptr<Engine> made) {
      machine.add_engine({name_ + engine, at.device, std::move(made)});
    };
    add(".compute", std::make_unique<ComputeEngine>(kernels, at));
    add(".aux", std::make_unique<ComputeEngine>(kernels, at));
    add(".copy_in", std::make_unique<CopyEngine>(params_.copy_start));
    add(".copy_out", std::make_unique<CopyEngine>(params_.copy_start));
    add(".driver", std::make_unique<DriverEngine>());
  }

 private:
  Device device() const {
    Device d;
    d.name = name_;
    d.kind = "gpu";
    d.idle_power = params_.power.idle;
    d.cost = params_.price;
    d.facts = {{"sm_count", params_.multiprocessors},
               {"max_threads_per_sm", params_.max_threads_per_multiprocessor},
               {"capability", params_.capability},
               {"total_memory", params_.memory.capacity.value()},
               {"memory_bandwidth", params_.memory.peak.value()},
               {"l2_capacity", params_.l2.capacity.value()},
               {"power_limit", params_.power.limit.value()}};
    for (std::size_t f = 0; f < format_count; ++f) {
      const TensorRate rate = params_.rate(static_cast<Format>(f));
      if (rate.peak.value() > 0)
        d.facts["total_flops." + std::string(format_names[f])] = rate.peak.value();
    }
    return d;
  }

  void add_stations(Machine& machine, GpuStations& at) const {
    const auto add = [&](Station s, const char* name, const char* unit, double capacity,
                         double energy, ResourceClass group, const char* text) {
      const auto i = static_cast<std::size_t>(s);
      at.capacity[i] = capacity;
      at.resources[i] =
          machine.add_resource({name_ + name, unit, capacity, energy, group, text, at.device});
    };
    const GpuParams& p = params_;
    add(Station::tensor, ".tensor", "FLOP", p.rate(Format::bf16).peak.value(),
        p.power.tensor.value(), ResourceClass::compute,
        "tensor cores, in 16-bit FLOPs: those of a format of twice the rate count half");
    add(Station::vector, ".vector", "FLOP", p.vector.value(), p.power.vector.value(),
        ResourceClass::compute, "fp32 lanes, with special functions and shared memory");
    add(Station::l2, ".l2", "B", p.l2.bandwidth.value(), p.l2.energy.value(), ResourceClass::cache,
        "bytes between the L2 and the multiprocessors");
    add(Station::memory, ".hbm", "B", p.memory.peak.value(), p.memory.energy.value(),
        ResourceClass::memory, "bytes between the L2 and the device memory");
  }

  TierId add_tier(Machine& machine, const GpuStations& at, const DeviceMemory& memory) const {
    Tier tier;
    tier.name = name_ + ".hbm";
    tier.device = at.device;
    tier.resource = at.resources[static_cast<std::size_t>(Station::memory)];
    tier.capacity = params_.memory.capacity;
    tier.reserved = params_.reserved;
    tier.read_latency = tier.write_latency = params_.memory.latency;
    tier.cost = [memory](Direction direction, double run) {
      return 1 / memory.efficiency(run, direction);
    };
    return machine.add_tier(std::move(tier));
  }

  Params params_;
  std::string name_;
};
TERRACE_REGISTER(Component, Gpu, "gpu", "a GPU with its memory, streams and copy engines");

}  // namespace
}  // namespace terrace
