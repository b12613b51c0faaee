// A GPU stream: runs kernels, collectives and waits of the host, one at a time.
#pragma once

#include <memory>

#include "models/gpu/kernel_time.h"
#include "models/link/collective.h"
#include "sim/machine.h"

namespace terrace {

// Where a GPU's stations are in the machine, and their capacity in units/s.
struct GpuStations {
  DeviceId device = none;
  TierId memory = none;
  std::array<ResourceId, station_count> resources{};
  std::array<double, station_count> capacity{};
};

// A kernel becomes one flow over all the stations it uses, as its parts advance together, with the
// rate it has alone as the limit; what it reads or writes in other tiers flows beside it over the
// links. Uncontended, the op takes what KernelLibrary says.
// A kernel as one flow over the stations it uses, and beside it what lies in other memories.
void plan_kernel(const KernelTime& time, const GpuStations& stations, const Op& op,
                 const Machine& machine, OpPlan& plan);

class ComputeEngine final : public Engine {
 public:
  ComputeEngine(std::shared_ptr<const KernelLibrary> kernels, GpuStations stations)
      : kernels_(std::move(kernels)), stations_(stations) {}
  void plan(const Op& op, const Machine& machine, OpPlan& plan) const override;

 private:
  std::shared_ptr<const KernelLibrary> kernels_;
  GpuStations stations_;
  Collectives collectives_;
};

// The host thread that drives a GPU: does host_compute ops.
class DriverEngine final : public Engine {
 public:
  void plan(const Op& op, const Machine& machine, OpPlan& plan) const override;
};

}  // namespace terrace
