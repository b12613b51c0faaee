// Blocks of a kernel over the multiprocessors: how fast they draw data, how two stations overlap.
#pragma once

#include <algorithm>
#include <cstdint>

namespace terrace {

// Rounding of what fits in 63 bits, in line where the library's would be a call.
inline double whole_below(double x) {
  const auto whole = static_cast<double>(static_cast<std::int64_t>(x));
  return whole > x ? whole - 1 : whole;
}
inline double whole_above(double x) { return -whole_below(-x); }

// Rate at which `blocks` draw data that arrives at no more than `peak`, when each keeps so much in
// flight that it draws `feed` alone: full waves of `slots` blocks, then a tail of what is left.
inline double drawn_rate(double peak, double blocks, double slots, double feed) {
  const double tail = blocks - whole_below(blocks / slots) * slots;
  const double share = tail / blocks;
  return 1 / (share / std::min(peak, std::max(tail, 1.0) * feed) +
              (1 - share) / std::min(peak, slots * feed));
}

// Time of two stations that a closed queue of `items` visits in turn, over that of the slower one.
// Gordon & Newell 1967, two exponential stations: (1 - rho^(N+1)) / (1 - rho^N). 0 items: they
// overlap perfectly.
inline double queue_factor(double one, double other, int items) {
  if (items == 0) return 1;
  const double rho = std::min(std::min(one, other) / std::max(one, other), 0.9999);
  double power = 1;
  for (int i = 0; i < items; ++i) power *= rho;
  return (1 - power * rho) / (1 - power);
}

}  // namespace terrace
