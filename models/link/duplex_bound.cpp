// The closed form that a link stays below: headers, and what each transfer costs.
#include <algorithm>
#include <cmath>

#include "models/link/duplex_link.h"

namespace terrace {

// Replies with their headers on one lane, and what a transfer costs besides.
double DuplexLink::bound(std::uint64_t run_length) const {
  const DuplexTraffic& reads = spec_.traffic[0];
  const double bytes = static_cast<double>(
      run_length == 0 ? spec_.transfer_bytes
                      : std::min<std::uint64_t>(run_length, spec_.transfer_bytes));
  const double replies = std::ceil(bytes / reads.reply_bytes);
  const double on_lane = bytes + replies * reads.reply_units * spec_.unit_bytes;
  const double lane = on_lane / spec_.back.rate;
  const double alone = spec_.one_at_a_time ? (spec_.start + spec_.finish).value() : 0;
  return bytes / std::max(alone + lane, spec_.issue.value()) / spec_.peak.value();
}

}  // namespace terrace
