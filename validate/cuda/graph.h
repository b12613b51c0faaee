// Work of a stream, captured once and launched again and again as one graph.
#pragma once

#include <functional>

#include "validate/cuda/device.h"

struct CUgraphExec_st;

namespace terrace::cuda {

class Graph {
 public:
  // `work` puts on `stream` what is captured; none of it runs. Throws GpuError.
  Graph(const Stream& stream, const std::function<void()>& work);
  ~Graph();
  Graph(Graph&& other) noexcept : graph_(other.graph_) { other.graph_ = nullptr; }
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;
  void launch(const Stream& stream) const;

 private:
  CUgraphExec_st* graph_ = nullptr;
};

}  // namespace terrace::cuda
