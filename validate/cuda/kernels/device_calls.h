// Does calls on the GPU. Only where CUDA is compiled in; everything here throws GpuError.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "validate/cuda/device.h"
#include "validate/cuda/kernels/call.h"

namespace terrace::cuda {

class DeviceCalls final : public Calls {
 public:
  explicit DeviceCalls(int streams = 3);
  ~DeviceCalls() override;
  void call(const Call& what, int stream = 0) override;

  const Stream& stream(int i) const { return streams_.at(static_cast<std::size_t>(i)); }
  // "cuBLASLt 13.1", or why matrices are multiplied by the project's own kernel.
  std::string gemm_library() const;
  // Blocks of decode attention that the GPU runs at a time.
  static int decode_slots(int multiprocessors, Number number, int head_dim, bool codes = false);

 private:
  struct Blas;
  std::vector<Stream> streams_;
  std::unique_ptr<Blas> blas_;
};

}  // namespace terrace::cuda
