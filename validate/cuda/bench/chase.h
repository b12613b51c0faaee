// A ring through all nodes of a footprint in random order: what a pointer chase follows.
// Source: Sattolo 1986, a uniformly random permutation of one cycle.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/random.h"
#include "validate/cuda/bench/chase_node.h"

namespace terrace::cuda {

// next[i]: the node after i. One cycle through all of them.
inline std::vector<std::uint32_t> chase_ring(std::uint32_t nodes, std::uint64_t seed = 1) {
  std::vector<std::uint32_t> next(nodes);
  for (std::uint32_t i = 0; i < nodes; ++i) next[i] = i;
  RandomStream random(seed, "chase");
  for (std::uint32_t i = nodes; i-- > 1;)
    std::swap(next[i], next[static_cast<std::size_t>(random.integer(0, std::int64_t{i} - 1))]);
  return next;
}

}  // namespace terrace::cuda
