// The project's own matrix product, for the GPU.
#include "validate/cuda/kernels/device_launch.h"

namespace terrace::cuda {

void launch(DeviceLauncher& to, const GemmArgs& a) { launch_with(to, a); }

}  // namespace terrace::cuda
