// The way from a processor's load to the memory controller and back, without the cache and without
// the DRAM: SM pipeline, crossbar, the link between cache partitions, the way to the controller.
#pragma once

#include "sim/schema.h"

namespace terrace {

// Where the time of a GPU's load goes: a DRAM controller and its device answer in 31-47 ns, the
// load takes 250-400 ns. Latencies are there and back together, and half of each is spent on each
// way.
struct ChipPath {
  Seconds sm{150e-9};              // SM, crossbar and the lookup in the partition next to it
  Seconds crossing;                // more, if the answer comes from the far partition
  Seconds memory{200e-9};          // more, on a miss: to the memory controller and back
  BytesPerSecond bandwidth{5e12};  // of the crossbar, all SMs together

  static void fields(Schema<ChipPath>& s) {
    s.field("sm", &ChipPath::sm, "SM, crossbar and lookup in the near partition, there and back");
    s.field("crossing", &ChipPath::crossing, "more to the far partition, there and back");
    s.field("memory", &ChipPath::memory, "more to the memory controller, there and back");
    s.field("bandwidth", &ChipPath::bandwidth, "of the crossbar, all processors together")
        .above(BytesPerSecond(0));
  }
};

}  // namespace terrace
