// Stands in for bench_kernels.cu where CUDA is off.
#include "validate/cuda/bench/bench_kernels.h"
#include "validate/cuda/none.h"

namespace terrace::cuda {

void launch_read(const void*, std::size_t, void*, int, const Stream&) { built_without_cuda(); }
std::uint64_t launch_read_again(const void*, std::size_t, std::uint64_t, void*, int,
                                const Stream&) {
  built_without_cuda();
}
void launch_write(void*, std::size_t, int, const Stream&) { built_without_cuda(); }
void launch_copy(void*, const void*, std::size_t, int, const Stream&) { built_without_cuda(); }
void launch_gather(const GatherPlan&, const void*, void*, void*, int, const Stream&) {
  built_without_cuda();
}
void launch_chase(const void*, std::uint32_t, std::uint32_t, void*, const Stream&) {
  built_without_cuda();
}
void launch_empty(const Stream&) { built_without_cuda(); }
void launch_delay(double, const Stream&) { built_without_cuda(); }

}  // namespace terrace::cuda
