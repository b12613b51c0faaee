// Stands in for graph.cu where CUDA is off.
#include "validate/cuda/graph.h"
#include "validate/cuda/none.h"

namespace terrace::cuda {

Graph::Graph(const Stream&, const std::function<void()>&) { built_without_cuda(); }
Graph::~Graph() = default;
void Graph::launch(const Stream&) const { built_without_cuda(); }

}  // namespace terrace::cuda
