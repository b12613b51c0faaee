// Attention of many rows, for the GPU.
#include "validate/cuda/kernels/device_launch.h"

namespace terrace::cuda {

void launch(DeviceLauncher& to, const PrefillAttentionArgs& a) { launch_with(to, a); }
void launch(DeviceLauncher& to, const PlainAttentionArgs& a) { launch_with(to, a); }

}  // namespace terrace::cuda
