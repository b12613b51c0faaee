// The rate of one stream of transfers over a link, found by driving the link at burst level: what
// `fidelity: burst` puts in place of a closed form.
#pragma once

#include <functional>
#include <string>

#include "sim/burst.h"
#include "sim/registry.h"

namespace terrace {

struct LinkStream {
  std::uint32_t concurrency = 8;      // transfers under way at once
  double longest = 64.0 * (1 << 20);  // bytes; longer transfers run at the rate of this
};

// Bytes per second for transfers of a run length in a direction; each pair is driven once. The
// direction is that of the device: what it reads or writes.
std::function<double(Direction, double run_length)> burst_rate(const Choice<BurstDevice>& link,
                                                               const std::string& name,
                                                               LinkStream stream);

}  // namespace terrace
