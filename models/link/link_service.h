// The service curve of a link: what rate and latency transfers of a size get from a device at
// burst level, found by driving it.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/burst.h"
#include "sim/registry.h"

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

struct LinkPoint {
  LinkDemand demand;
  LinkService service;
};
// Each point on a device of its own; sizes change fastest.
std::vector<LinkPoint> link_curve(const Choice<BurstDevice>& link,
                                  const std::vector<std::uint32_t>& sizes,
                                  const std::vector<double>& read_shares,
                                  const std::vector<std::uint32_t>& concurrencies);

}  // namespace terrace
