// Stands in for cudnn_attention.cu where CUDA is off: says so.
#include "validate/cuda/kernels/cudnn_attention.h"
#include "validate/cuda/none.h"

namespace terrace::cuda {

struct CudnnAttention::Library {};
CudnnAttention::CudnnAttention() { built_without_cuda(); }
CudnnAttention::~CudnnAttention() = default;
std::string CudnnAttention::version() const { built_without_cuda(); }
void CudnnAttention::attend(const CudnnShape&, const CudnnOperands&, const Stream&) {
  built_without_cuda();
}

}  // namespace terrace::cuda
