// Everything that lies between matrices and attention, for the GPU.
#include "validate/cuda/kernels/device_launch.h"

namespace terrace::cuda {

void launch(DeviceLauncher& to, const KvAppendArgs& a) { launch_with(to, a); }
void launch(DeviceLauncher& to, const RmsNormArgs& a) { launch_with(to, a); }
void launch(DeviceLauncher& to, const RopeArgs& a) { launch_with(to, a); }
void launch(DeviceLauncher& to, const SiluMulArgs& a) { launch_with(to, a); }
void launch(DeviceLauncher& to, const ArgmaxArgs& a) { launch_with(to, a); }
void launch(DeviceLauncher& to, const StreamArgs& a) { launch_with(to, a); }
void launch(DeviceLauncher& to, const GatherArgs& a) { launch_with(to, a); }
void launch(DeviceLauncher& to, const MergeTokensArgs& a) { launch_with(to, a); }
void launch(DeviceLauncher& to, const PageScoreArgs& a) { launch_with(to, a); }
void launch(DeviceLauncher& to, const TopKArgs& a) { launch_with(to, a); }
void launch(DeviceLauncher& to, const QuantizeArgs& a) { launch_with(to, a); }
void launch(DeviceLauncher& to, const DequantizeArgs& a) { launch_with(to, a); }

}  // namespace terrace::cuda
