// What rate and latency transfers of a size get from a link at burst level, in a closed loop.
#pragma once

#include <cstdint>

#include "sim/burst.h"

namespace terrace {

// Transfers of one size, so many at a time in a closed loop, at addresses one behind another.
struct LinkDemand {
  std::uint32_t bytes = 0;
  double read_share = 1;  // of the transfers; in between, spread evenly
  std::uint32_t concurrency = 1;
  std::uint32_t transfers = 0;  // measured; 0: as many as settle the figure
};

struct LinkService {
  double rate = 0;  // bytes per second, both directions together
  Time latency_min, latency_p50,
      latency_mean;  // from being accepted to the answer, both directions
  std::uint64_t transfers = 0;
};

LinkService measure_link(BurstDevice& device, const LinkDemand& demand);

}  // namespace terrace
