// Stands in for cublas_lt.cu where CUDA is off: says so.
#include "validate/cuda/kernels/cublas_lt.h"
#include "validate/cuda/none.h"

namespace terrace::cuda {

struct CublasLt::Library {};
CublasLt::CublasLt(std::size_t) { built_without_cuda(); }
CublasLt::~CublasLt() = default;
std::string CublasLt::version() const { built_without_cuda(); }
void CublasLt::multiply(const LtProblem&, const void*, const void*, void*, const Stream&) {
  built_without_cuda();
}

}  // namespace terrace::cuda
