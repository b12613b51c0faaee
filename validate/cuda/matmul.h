// Matrix multiplication by cuBLASLt, which is opened when it is first used.
#pragma once

#include <cstdint>
#include <memory>

#include "validate/cuda/device.h"

namespace terrace::cuda {

enum class MatmulFormat : std::uint8_t { bf16, fp8 };  // fp8: e4m3, its result in bf16

// y[m][n] = x[m][k] w[n][k]', row by row, as linear layers are stored; sums in fp32. Which kernel
// is left to the library's own heuristic, its first answer, as PyTorch takes it.
class Matmul {
 public:
  // Throws NotPossible where cuBLASLt is missing or has no kernel for the shape.
  Matmul(MatmulFormat format, std::int64_t m, std::int64_t n, std::int64_t k);
  ~Matmul();
  Matmul(Matmul&&) noexcept;
  void run(const void* x, const void* w, void* y, const Stream& stream) const;

 private:
  struct Plan;
  std::unique_ptr<Plan> plan_;
};

}  // namespace terrace::cuda
