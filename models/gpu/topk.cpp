// Selects k of n scores a row by radix: several readings, all but the first from the L2.
// Source: a bound over the passes of a radix select (8 bits of an fp32 key each: four).
// State: none.
#include "models/gpu/stream_kernel.h"

namespace terrace {
namespace {

class TopK final : public Kernel {
 public:
  explicit TopK(const GpuParams& gpu) : gpu_(gpu) {}
  KernelTime time(const Op& op, const Traffic& traffic) const override {
    return pass_over(gpu_, op, traffic, gpu_.kernels.stream.topk_passes);
  }

 private:
  const GpuParams& gpu_;
};

}  // namespace

std::unique_ptr<Kernel> make_topk(const GpuParams& params) {
  return std::make_unique<TopK>(params);
}

}  // namespace terrace
