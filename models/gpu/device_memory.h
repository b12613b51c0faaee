// The DRAM on a GPU at flow level: capacity, peak, and what share of it an access pattern gets.
#pragma once

#include "sim/machine.h"
#include "sim/schema.h"

namespace terrace {

// Long runs get the streaming rate that was measured. Short ones are bounded by row activations:
// each run opens a row of its own, and a pseudo-channel opens four rows in any `activate_window`
// (REFERENCE, closed forms of DRAM: channels x 4 x run / tFAW x refresh). A bound, not a
// measurement: bank conflicts and the address map take more.
struct DeviceMemory {
  std::string type = "HBM3";
  Bytes capacity{85e9};  // as the driver reports it
  BytesPerSecond peak{3350e9};
  BytesPerSecond stream{3050e9};  // large contiguous reads
  Seconds latency{370e-9};        // a load that misses the last-level cache
  double pseudo_channels = 160;
  Seconds activate_window{15e-9};  // tFAW: four row activations
  double refresh = 0.91;           // share of time not refreshing
  Bytes sector{32};                // least that is moved
  JoulesPerByte energy{28.7e-12};

  static void fields(Schema<DeviceMemory>& s);
  void check(Checker& c) const;
  double efficiency(double run_length) const;  // useful bytes / bytes at peak, in (0, 1]
};

}  // namespace terrace
