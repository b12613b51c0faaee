// Decode attention and the merge of its parts, for the GPU.
#include "validate/cuda/kernels/device_launch.h"

namespace terrace::cuda {

void launch(DeviceLauncher& to, const DecodeAttentionArgs& a) { launch_with(to, a); }
void launch(DeviceLauncher& to, const CodedAttentionArgs& a) { launch_with(to, a); }
void launch(DeviceLauncher& to, const MergePartsArgs& a) { launch_with(to, a); }

namespace {

template <class Kernel>
int resident() {
  int blocks = 0;
  check(cudaFuncSetAttribute(enter<Kernel>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                             static_cast<int>(Kernel::shared_bytes)),
        "cudaFuncSetAttribute");
  check(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, enter<Kernel>, Kernel::threads,
                                                      Kernel::shared_bytes),
        "cudaOccupancyMaxActiveBlocksPerMultiprocessor");
  return blocks;
}

}  // namespace

int decode_attention_blocks(Number number, int head_dim, bool codes) {
  int blocks = 0;
  with_number(number, [&](auto n) {
    using T = decltype(n);
    if constexpr (sizeof(T) == 2)
      with_head_dim(head_dim, [&](auto dim) {
        constexpr int D = decltype(dim)::value;
        blocks = codes ? resident<DecodeAttention<T, D, CodedTiles<T, D>>>()
                       : resident<DecodeAttention<T, D>>();
      });
  });
  return blocks;
}

}  // namespace terrace::cuda
