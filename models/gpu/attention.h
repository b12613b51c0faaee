// What prefill and decode attention share: the time of one (query, key) pair on a multiprocessor.
#pragma once

#include "models/gpu/gpu_params.h"
#include "models/gpu/waves.h"
#include "sim/op_graph.h"

namespace terrace {

// Tensor cores do Q K' and P V; exponentials, fp32 work and the reading of fragments from shared
// memory are the other station. Source: FlashAttention-2 and -3 papers' account of the inner loop.
struct PairTime {
  double tensor = 0, vector = 0;  // s of each station
  double seconds = 0;             // of a pair, with what overlap hides

  PairTime(const GpuParams& gpu, const Op& op) {
    const AttentionConstants& c = gpu.kernels.attention;
    const AttentionShape& a = op.attention;
    const double d = (a.head_dim + a.value_dim) / 2, clock = gpu.attention_clock.value();
    const TensorRate own = gpu.rate(op.format);
    const double faster = own.peak.value() > 0 ? ratio(own.peak, gpu.rate(Format::bf16).peak) : 1;
    tensor = 4 * d / (gpu.tensor_flops_per_clock * faster) / clock;
    vector = (1 / c.exponentials_per_clock + c.vector_work / c.vector_flops_per_clock +
              (c.fragments_per_clock > 0 ? d / c.fragments_per_clock : 0)) /
             clock;
    seconds = std::max(tensor, vector) * queue_factor(tensor, vector, c.overlap);
  }
};

}  // namespace terrace
