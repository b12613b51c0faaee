// Stands in for device_calls.cu where CUDA is off: says so.
#include "validate/cuda/kernels/device_calls.h"
#include "validate/cuda/none.h"

namespace terrace::cuda {

struct DeviceCalls::Blas {};
DeviceCalls::DeviceCalls(int) { built_without_cuda(); }
DeviceCalls::~DeviceCalls() = default;
void DeviceCalls::call(const Call&, int) { built_without_cuda(); }
std::string DeviceCalls::gemm_library() const { built_without_cuda(); }
int DeviceCalls::decode_slots(int, Number, int, bool) { built_without_cuda(); }

}  // namespace terrace::cuda
