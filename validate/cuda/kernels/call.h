// Every kernel by its arguments, so that plans can be made, tested and run wherever there is
// something to run them on.
#pragma once

#include <variant>

#include "validate/cuda/kernels/coded_attention.h"
#include "validate/cuda/kernels/elementwise.h"
#include "validate/cuda/kernels/gemm.h"
#include "validate/cuda/kernels/prefill_attention.h"
#include "validate/cuda/kernels/rows.h"
#include "validate/cuda/kernels/top_k.h"

namespace terrace::cuda {

struct CopyArgs {  // from wherever to wherever, in equal pieces
  const void* from = nullptr;
  void* to = nullptr;
  std::size_t bytes = 0;
  int pieces = 1;
  std::size_t from_stride = 0, to_stride = 0;  // B from a piece to the next; 0: side by side
};

using Call =
    std::variant<GemmArgs, DecodeAttentionArgs, CodedAttentionArgs, MergePartsArgs,
                 PrefillAttentionArgs, PlainAttentionArgs, KvAppendArgs, RmsNormArgs, RopeArgs,
                 SiluMulArgs, ArgmaxArgs, StreamArgs, GatherArgs, MergeTokensArgs, PageScoreArgs,
                 TopKArgs, QuantizeArgs, DequantizeArgs, CopyArgs>;

// Whatever can do a call: the GPU's streams (device_calls.h), or the host, slowly (host_calls.h).
class Calls {
 public:
  virtual ~Calls() = default;
  virtual void call(const Call& what, int stream) = 0;
};

}  // namespace terrace::cuda
