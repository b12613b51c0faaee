// A copy of KV blocks between HBM and the tiers below it, before it has become ops.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/op_graph.h"

namespace terrace {

enum class CopyKind : std::uint8_t { load, store, swap_out, swap_in };
inline constexpr const char* copy_names[] = {"load_kv", "store_kv", "swap_out", "swap_in"};
inline constexpr std::size_t copy_kinds = 4;

// Numbers of steps and copies; those of one replica leave its index as remainder.
struct StepIds {
  std::int64_t next = 0, stride = 1;
  std::int64_t take() {
    const std::int64_t id = next;
    next += stride;
    return id;
  }
};

struct CopyJob {
  // `none` stands for the HBM of the replica. What moves between two lower tiers makes room for
  // what comes from above: it goes first, the lowest pair before the others.
  struct Part {
    TierId from = none, to = none;
    std::int64_t blocks = 0;
  };
  CopyKind kind = CopyKind::load;
  std::int64_t id = 0;  // the step's
  std::vector<Part> parts;

  void add(TierId from, TierId to, std::int64_t blocks) {
    for (Part& p : parts)
      if (p.from == from && p.to == to) {
        p.blocks += blocks;
        return;
      }
    parts.push_back({from, to, blocks});
  }
  bool empty() const { return parts.empty(); }
};

}  // namespace terrace
