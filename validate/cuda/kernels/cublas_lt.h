// Matrix products by NVIDIA's cuBLASLt, opened when it is first used: nothing is linked with it.
#pragma once

#include <memory>
#include <string>

#include "validate/cuda/device.h"
#include "validate/cuda/kernels/gemm.h"

namespace terrace::cuda {

// fp8: e4m3, sums as fast as the tensor cores make them; of the others, in fp32.
enum class LtFormat : std::uint8_t { f32, f16, bf16, fp8 };
struct LtProblem {
  LtFormat in = LtFormat::bf16, out = LtFormat::bf16;
  int m = 0, n = 0, k = 0;  // c[m][n] = a[m][k] b[n][k]^T, rows side by side
  bool add = false;         // to what c holds
};

class CublasLt {
 public:
  // Throws GpuError with the reason where the library cannot be opened. `workspace`: B on the GPU.
  explicit CublasLt(std::size_t workspace = std::size_t{32} << 20);
  ~CublasLt();
  std::string version() const;  // "cuBLASLt 13.1.0"
  // The first algorithm of the library's own ranking; asked once for each problem. Throws GpuError,
  // NotPossible where it has none.
  void multiply(const LtProblem& p, const void* a, const void* b, void* c, const Stream& stream);

 private:
  struct Library;
  std::unique_ptr<Library> library_;
};

}  // namespace terrace::cuda
