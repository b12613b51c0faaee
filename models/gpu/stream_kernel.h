// A kernel that only passes over data: launch, then the slowest of memory, L2 and fp32 lanes.
#pragma once

#include <algorithm>

#include "models/gpu/kernel_time.h"

namespace terrace {

// `passes`: how often the data goes through the L2; the memory sees it once.
inline KernelTime pass_over(const GpuParams& gpu, const Op& op, const Traffic& traffic,
                            double passes = 1) {
  const StreamConstants& c = gpu.kernels.stream;
  KernelTime t;
  t.latency = (gpu.kernels.launch + c.fixed).value();
  t.work_of(Station::vector) = op.flops;
  t.busy_of(Station::vector) = op.flops / gpu.vector.value();
  t.work_of(Station::l2) = traffic.bytes * passes;
  t.busy_of(Station::l2) = traffic.bytes * passes / gpu.l2.bandwidth.value();
  t.work_of(Station::memory) = traffic.missed;
  t.busy_of(Station::memory) = traffic.missed_seconds;
  t.bound = static_cast<Station>(std::max_element(t.busy.begin(), t.busy.end()) - t.busy.begin());
  t.body = t.busy_of(t.bound);
  return t;
}

}  // namespace terrace
