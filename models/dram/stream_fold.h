// Long patterns made cheap: a channel in a steady state repeats itself from refresh to refresh, and
// identical channels behind an even split do the same, so one channel is simulated burst by burst
// for some refresh intervals and the rest is counted. The error is what the first and the last
// interval differ from those in between.
#pragma once

#include <cstdint>

#include "models/dram/dram.h"
#include "sim/burst_drive.h"

namespace terrace::dram {

struct FoldOptions {
  int warm_up = 2;    // refresh intervals before anything is measured
  int measured = 12;  // refresh intervals that stand for the others
};

struct FoldedRun {
  std::uint64_t bytes = 0;      // of the whole device
  std::uint64_t simulated = 0;  // bursts that were simulated one by one
  Time span;                    // until the last answer
  double rate = 0;              // bytes per second
  double share_of_peak = 0;
  Joules energy;  // by commands and refresh, of the whole device
};

// `bytes` of `pattern` over the device, saturated. The pattern's footprint, outstanding requests
// and seed are those of the device; each channel gets its share. Patterns shorter than the measured
// part are simulated whole.
FoldedRun fold(const DramParams& params, const BurstPattern& pattern, std::uint64_t bytes,
               const FoldOptions& options = {});

}  // namespace terrace::dram
