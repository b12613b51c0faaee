// Quantises, dequantises, encodes or decodes: one pass, with the FLOPs the op says.
// Source: a bound; its fixed time agrees with the 2.2 us that H100 fp8 GEMMs take over their
// multiplication in aiconfigurator's vLLM table.
// State: none.
#include "models/gpu/stream_kernel.h"

namespace terrace {
namespace {

class CodecKernel final : public Kernel {
 public:
  explicit CodecKernel(const GpuParams& gpu) : gpu_(gpu) {}
  KernelTime time(const Op& op, const Traffic& traffic) const override {
    return pass_over(gpu_, op, traffic);
  }

 private:
  const GpuParams& gpu_;
};

}  // namespace

std::unique_ptr<Kernel> make_codec(const GpuParams& params) {
  return std::make_unique<CodecKernel>(params);
}

}  // namespace terrace
