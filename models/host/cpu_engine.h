// The CPUs of a host as an engine: waiting for software, and arithmetic delegated to cores over
// their memory.
#pragma once

#include "sim/machine.h"

namespace terrace {

// host_compute takes `op.host_time` over the relative speed. gemm runs at the rate of matrix
// kernels, everything else that computes at the rate of vector kernels; both share the cores, and
// read and write the tiers of their accesses at the same time. Throws std::logic_error for ops that
// a CPU does not do.
class CpuEngine final : public Engine {
 public:
  struct Rates {
    ResourceId cores = -1;  // FLOPs, capacity of the faster kind of kernel
    FlopsPerSecond matrix, vector;
    double relative_speed = 1;
    Seconds dispatch;  // waking the threads of one op
  };
  CpuEngine(DeviceId device, Rates rates) : device_(device), rates_(rates) {}
  void plan(const Op& op, const Machine& machine, OpPlan& plan) const override;

 private:
  DeviceId device_;
  Rates rates_;
};

}  // namespace terrace
