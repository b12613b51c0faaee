// A processor's last-level cache at flow level: how big, how fast, and what is still in it.
#pragma once

#include "sim/op_graph.h"
#include "sim/schema.h"

namespace terrace {

// The rule is that of LRU under streams: a stretch that was touched before is there entirely while
// what passed since, the stretch itself included, fits in `resident`, and is gone entirely when it
// does not. Nothing in between: a loop over slightly more than an LRU cache holds misses every line
// (the cliff of gpu-benches' gpu-l2-cache on A100 and L40). Writes follow the same rule: a line
// rewritten while it is there costs no write-back.
struct LastLevelCache {
  Bytes capacity{40e6};
  Bytes resident{28e6};  // largest loop that still runs at the cache's speed
  BytesPerSecond bandwidth{5.4e12};
  Seconds latency{210e-9};  // of a hit, as a processor sees it
  JoulesPerByte energy{2.4e-12};

  static void fields(Schema<LastLevelCache>& s);
  void check(Checker& c) const;

  bool holds(const Access& access) const {
    const double loop = access.reuse_distance > access.bytes ? access.reuse_distance : access.bytes;
    return access.reuse_distance < std::numeric_limits<double>::infinity() &&
           loop <= resident.value();
  }
};

}  // namespace terrace
