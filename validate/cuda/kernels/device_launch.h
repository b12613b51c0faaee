// Which .cu file launches what: attention apart from the rest, so that they compile beside each
// other.
#pragma once

#include "validate/cuda/kernels/call.h"
#include "validate/cuda/kernels/device_thread.h"

namespace terrace::cuda {

void launch(DeviceLauncher& to, const DecodeAttentionArgs& a);  // decode_attention.cu
void launch(DeviceLauncher& to, const CodedAttentionArgs& a);
void launch(DeviceLauncher& to, const MergePartsArgs& a);
void launch(DeviceLauncher& to, const PrefillAttentionArgs& a);  // prefill_attention.cu
void launch(DeviceLauncher& to, const PlainAttentionArgs& a);
void launch(DeviceLauncher& to, const GemmArgs& a);      // gemm.cu
void launch(DeviceLauncher& to, const KvAppendArgs& a);  // small_kernels.cu
void launch(DeviceLauncher& to, const RmsNormArgs& a);
void launch(DeviceLauncher& to, const RopeArgs& a);
void launch(DeviceLauncher& to, const SiluMulArgs& a);
void launch(DeviceLauncher& to, const ArgmaxArgs& a);
void launch(DeviceLauncher& to, const StreamArgs& a);
void launch(DeviceLauncher& to, const GatherArgs& a);
void launch(DeviceLauncher& to, const MergeTokensArgs& a);
void launch(DeviceLauncher& to, const PageScoreArgs& a);
void launch(DeviceLauncher& to, const TopKArgs& a);
void launch(DeviceLauncher& to, const QuantizeArgs& a);
void launch(DeviceLauncher& to, const DequantizeArgs& a);

// Blocks that a multiprocessor runs at a time; over codes or plain numbers.
int decode_attention_blocks(Number number, int head_dim, bool codes);

}  // namespace terrace::cuda
