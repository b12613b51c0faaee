// Reads scattered runs into a dense buffer: an index, then what it points to.
// Source: a bound: launch, two dependent latencies, bytes at the rate that their run length allows.
// State: none.
#include "models/gpu/stream_kernel.h"

namespace terrace {
namespace {

class Gather final : public Kernel {
 public:
  explicit Gather(const GpuParams& gpu) : gpu_(gpu) {}
  KernelTime time(const Op& op, const Traffic& traffic) const override {
    KernelTime t = pass_over(gpu_, op, traffic);
    t.latency += (traffic.missed > 0 ? gpu_.memory.latency : gpu_.l2.latency).value();
    return t;
  }

 private:
  const GpuParams& gpu_;
};

}  // namespace

std::unique_ptr<Kernel> make_gather(const GpuParams& params) {
  return std::make_unique<Gather>(params);
}

}  // namespace terrace
