// Decode attention and the merge of its parts, for the GPU.
#include "validate/cuda/kernels/device_launch.h"

namespace terrace::cuda {

void launch(DeviceLauncher& to, const DecodeAttentionArgs& a) { launch_with(to, a); }
void launch(DeviceLauncher& to, const CodedAttentionArgs& a) { launch_with(to, a); }
void launch(DeviceLauncher& to, const MergePartsArgs& a) { launch_with(to, a); }

int decode_attention_blocks(Number number, int head_dim) {
  int blocks = 0;
  with_number(number, [&](auto n) {
    using T = decltype(n);
    if constexpr (sizeof(T) == 2)
      with_head_dim(head_dim, [&](auto dim) {
        using Kernel = DecodeAttention<T, decltype(dim)::value>;
        check(cudaFuncSetAttribute(enter<Kernel>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                   static_cast<int>(Kernel::shared_bytes)),
              "cudaFuncSetAttribute");
        check(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, enter<Kernel>, Kernel::threads,
                                                            Kernel::shared_bytes),
              "cudaOccupancyMaxActiveBlocksPerMultiprocessor");
      });
  });
  return blocks;
}

}  // namespace terrace::cuda
