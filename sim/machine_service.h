// The service of a device of a machine: by the machine's fidelity for its name, with pins that give
// what the component says.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <memory>
#include <string>

#include "sim/machine.h"
#include "sim/memory_service.h"

namespace terrace {

// Null where no burst-level device is given. Throws BuildError at `path` where its pins disagree.
inline std::shared_ptr<const MemoryService> machine_service(Machine& machine,
                                                            const Choice<BurstDevice>& device,
                                                            const std::string& name, double peak,
                                                            const char* path = "memory.dram") {
  if (device.empty()) return nullptr;
  auto service = memory_service(device, name, machine.fidelity(name) == Fidelity::burst);
  if (std::abs(service->peak().value() / peak - 1) > 0.02)
    throw BuildError(path, fmt::format("its pins give {:.4g} GB/s, but the component has {:.4g}",
                                       service->peak().value() / 1e9, peak / 1e9));
  return service;
}

}  // namespace terrace
