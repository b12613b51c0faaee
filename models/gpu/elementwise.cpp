// Norms, rotary embedding, activations, residuals, sampling, and copies done by a kernel.
// Source: a bound, launch + bytes / bandwidth; checked on a dozen RTX 4090 rows only.
// State: none.
#include "models/gpu/stream_kernel.h"

namespace terrace {
namespace {

class Elementwise final : public Kernel {
 public:
  explicit Elementwise(const GpuParams& gpu) : gpu_(gpu) {}
  KernelTime time(const Op& op, const Traffic& traffic) const override {
    KernelTime t = pass_over(gpu_, op, traffic);
    if (op.kind == OpKind::elementwise && op.pieces > 1) t.latency *= op.pieces;
    return t;
  }

 private:
  const GpuParams& gpu_;
};

}  // namespace

std::unique_ptr<Kernel> make_elementwise(const GpuParams& params) {
  return std::make_unique<Elementwise>(params);
}

}  // namespace terrace
