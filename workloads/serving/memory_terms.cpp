// Fields of the memory terms.
#include "workloads/serving/memory_terms.h"

namespace terrace {

void MemoryTerms::fields(Schema<MemoryTerms>& s) {
  using P = MemoryTerms;
  s.field("loaded_kernels", &P::loaded_kernels,
          "code and library state that loading leaves behind");
  s.field("graph_residue", &P::graph_residue, "left by the trial capture, where graphs are on");
  s.field("stack_per_thread", &P::stack_per_thread,
          "of the kernel with the deepest stack; none: the sampler's, by compute capability");
  s.field("communicator", &P::communicator,
          "of the collectives' library; none: by the GPUs of a replica");
  s.field("blas_workspace", &P::blas_workspace, "none: by compute capability, as PyTorch");
  s.field("graph_pool", &P::graph_pool, "counted for captured graphs; vLLM 0.19 counts nothing");
}

}  // namespace terrace
