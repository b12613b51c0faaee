// Stands in for matmul.cu where CUDA is off.
#include "validate/cuda/matmul.h"
#include "validate/cuda/none.h"

namespace terrace::cuda {

struct Matmul::Plan {};

Matmul::Matmul(MatmulFormat, std::int64_t, std::int64_t, std::int64_t) { built_without_cuda(); }
Matmul::~Matmul() = default;
Matmul::Matmul(Matmul&&) noexcept = default;
void Matmul::run(const void*, const void*, void*, const Stream&) const { built_without_cuda(); }

}  // namespace terrace::cuda
