// A machine with nothing but names, for tests of what is built, not how long it takes: GPUs with
// their engines and HBM, a host and an SSD; and the models that ship.
#pragma once

#include <memory>
#include <string>

#include "sim/machine.h"
#include "workloads/llm/shape.h"

namespace terrace::test {

class NoEngine final : public Engine {
 public:
  void plan(const Op&, const Machine&, OpPlan&) const override {}
};

inline void add_part(Machine& machine, const std::string& name, const std::string& kind,
                     const std::string& memory, std::initializer_list<const char*> engines) {
  Device device;
  device.name = name;
  device.kind = kind;
  const DeviceId id = machine.add_device(std::move(device));
  Resource bus;
  bus.name = name + "." + memory;
  bus.capacity = 1e12;
  bus.device = id;
  Tier tier;
  tier.name = bus.name;
  tier.device = id;
  tier.resource = machine.add_resource(std::move(bus));
  machine.add_tier(std::move(tier));
  for (const char* engine : engines) {
    EngineInfo info;
    info.name = name + "." + engine;
    info.device = id;
    info.engine = std::make_unique<NoEngine>();
    machine.add_engine(std::move(info));
  }
}

// Tiers: 0 … gpus − 1 are HBM, then host0.dram and ssd0.flash.
inline Machine machine_of(int gpus) {
  Machine machine;
  for (int i = 0; i < gpus; ++i)
    add_part(machine, "gpu" + std::to_string(i), "gpu", "hbm", {"compute", "copy_in", "copy_out"});
  add_part(machine, "host0", "host", "dram", {"cpu"});
  add_part(machine, "ssd0", "ssd", "flash", {});
  return machine;
}

inline std::string llm_configs() {
#ifdef TERRACE_SOURCE_DIR
  return std::string(TERRACE_SOURCE_DIR) + "/configs/llm/";
#else
  return "configs/llm/";  // a benchmark, run from the root
#endif
}
inline ModelShape shipped(const std::string& name, const std::vector<std::string>& changes = {}) {
  return read_config<ModelShape>(llm_configs() + name + ".yaml", changes);
}

}  // namespace terrace::test
