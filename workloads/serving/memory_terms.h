// What a serving engine takes of device memory beside weights, activations and KV blocks.
#pragma once

#include <cstdint>
#include <optional>

#include "sim/schema.h"

namespace terrace {

// Defaults: vLLM 0.19.0 on an A100-80GB (myoceane.fr, "AI vLLM A100 gemma 4"): by its log 0.46 ±
// 0.07 GiB lie outside PyTorch with graphs, 0.32 ± 0.1 GiB without (another model), when KV blocks
// are counted; 222.75 MiB of that back the stack of the sampler's kernel (below), the rest are
// loaded kernels.
struct MemoryTerms {
  Bytes loaded_kernels = Bytes(0.32 * 1073741824.0 - 222.75 * 1048576.0);
  Bytes graph_residue = Bytes(0.14 * 1073741824.0);  // left by the capture that is thrown away
  // Of the top-k/top-p Triton kernel in vLLM 0.19, compiled with Triton 3.6.0: bytes of stack a
  // thread. None: 1056 (capability 8.0), 840 (8.9), 768 (9.0), the nearest of them for others.
  std::optional<Bytes> stack_per_thread;
  std::optional<Bytes>
      communicator;  // none: nothing on one GPU, else what NCCL takes, see the .cpp
  std::optional<Bytes>
      blas_workspace;           // none: 32 MiB from capability 9.0 on, else 8,519,680 B (PyTorch)
  Bytes graph_pool = Bytes(0);  // vLLM 0.19 leaves the pool out of its budget

  static void fields(Schema<MemoryTerms>& s);
};

}  // namespace terrace
