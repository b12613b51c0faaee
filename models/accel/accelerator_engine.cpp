// Flows of an accelerator's ops, and the parts every accelerator has.
#include "models/accel/accelerator_engine.h"

#include <algorithm>

#include "models/link/copy_engine.h"

namespace terrace {

void AcceleratorEngine::plan(const Op& op, const Machine& machine, OpPlan& plan) const {
  if (op.kind == OpKind::host_compute) return DriverEngine().plan(op, machine, plan);
  if (op.kind == OpKind::collective) return collectives_.plan(op, machine, plan);
  plan_kernel(kernels_->time(op, stations_.memory), stations_, op, machine, plan);
}

void add_accelerator(Machine& machine, const AcceleratorParts& parts,
                     std::shared_ptr<const AcceleratorKernels> kernels) {
  Device device;
  device.name = parts.name;
  device.kind = parts.kind;
  device.idle_power = parts.idle_power;
  device.cost = parts.price;
  device.facts = parts.facts;
  device.facts["total_memory"] = parts.memory.capacity.value();
  device.facts["memory_bandwidth"] = parts.memory.peak.value();
  GpuStations at;
  at.device = machine.add_device(std::move(device));
  for (std::size_t s = 0; s < station_count; ++s) {
    const AcceleratorParts::Part& p = parts.stations[s];
    at.capacity[s] = p.capacity;
    at.resources[s] = machine.add_resource({parts.name + p.name, p.unit, p.capacity,
                                            p.joules_per_unit, p.group, p.meaning, at.device});
  }
  Tier tier;
  tier.name = parts.name + ".hbm";
  tier.device = at.device;
  tier.resource = at.resources[static_cast<std::size_t>(Station::memory)];
  tier.capacity = parts.memory.capacity;
  tier.reserved = parts.reserved;
  tier.read_latency = tier.write_latency = parts.memory.latency;
  tier.cost = [memory = parts.memory](Direction direction, double run) {
    return 1 / memory.efficiency(run, direction);
  };
  at.memory = machine.add_tier(std::move(tier));
  machine.serve(machine.tier(at.memory).resource, parts.memory.service());
  const auto add = [&](const char* engine, std::unique_ptr<Engine> made) {
    machine.add_engine({parts.name + engine, at.device, std::move(made)});
  };
  add(".compute", std::make_unique<AcceleratorEngine>(kernels, at));
  add(".aux", std::make_unique<AcceleratorEngine>(kernels, at));
  add(".copy_in", std::make_unique<CopyEngine>(parts.copy_start));
  add(".copy_out", std::make_unique<CopyEngine>(parts.copy_start));
  add(".driver", std::make_unique<DriverEngine>());
}

Traffic local_traffic(const Op& op, TierId local, const DeviceMemory& memory, Bytes on_chip) {
  // Least recently used: what passed since its last use, itself included, must fit.
  return traffic_of(op, local, memory, [&](const Access& a) {
    return std::max(a.reuse_distance, a.bytes) <= on_chip.value();
  });
}

void settle(KernelTime& t, double least) {
  t.bound = static_cast<Station>(std::max_element(t.busy.begin(), t.busy.end()) - t.busy.begin());
  t.body = std::max(least, t.busy_of(t.bound));
}

}  // namespace terrace
