// The engine of an accelerator: turns op times into latencies and flows, as a GPU stream does.
#pragma once

#include <memory>

#include "models/gpu/compute_engine.h"

namespace terrace {

// How long one op takes alone, and what it asks of each station. Stations are those of a GPU under
// other names: tensor is the 2-D array (or the near-bank units), vector the 1-D lanes, l2 the
// scratchpads (or the banks' own columns), memory the pins.
class AcceleratorKernels {
 public:
  virtual ~AcceleratorKernels() = default;
  virtual KernelTime time(const Op& op, TierId local) const = 0;  // throws std::logic_error
};

class AcceleratorEngine final : public Engine {
 public:
  AcceleratorEngine(std::shared_ptr<const AcceleratorKernels> kernels, GpuStations stations)
      : kernels_(std::move(kernels)), stations_(stations) {}
  void plan(const Op& op, const Machine& machine, OpPlan& plan) const override;

 private:
  std::shared_ptr<const AcceleratorKernels> kernels_;
  GpuStations stations_;
  Collectives collectives_;
};

// What every accelerator adds to the machine: the device with what workloads ask, its stations, its
// memory, and engines named as a GPU's (.compute, .aux, .copy_in, .copy_out, .driver).
struct AcceleratorParts {
  std::string name;
  std::string kind = "gpu";  // serving and offload workloads run on devices of this kind
  struct Part {
    const char* name;
    const char* unit;
    double capacity, joules_per_unit;
    ResourceClass group;
    const char* meaning;
  };
  std::array<Part, station_count> stations;  // in the order of Station
  DeviceMemory memory;
  Bytes reserved;
  Seconds copy_start;
  Watts idle_power;
  DollarsPerSecond price;
  std::map<std::string, double> facts;
};
void add_accelerator(Machine& machine, const AcceleratorParts& parts,
                     std::shared_ptr<const AcceleratorKernels> kernels);

// Accesses to `local` that do not find their data in `on_chip` bytes: bytes, and seconds at what
// the memory gives for their run lengths.
Traffic local_traffic(const Op& op, TierId local, const DeviceMemory& memory, Bytes on_chip);

// Fills body and bound from the busy times and `least`, the time the parts need together.
void settle(KernelTime& time, double least);

}  // namespace terrace
