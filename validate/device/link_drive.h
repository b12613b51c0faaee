// A link at burst level under load: built from YAML, and what it achieves.
#pragma once

#include "models/link/duplex_link.h"
#include "models/link/link_service.h"
#include "validate/device/machine_parts.h"

namespace terrace::validate {

inline std::unique_ptr<DuplexLink> link_of(const std::string& yaml) {
  std::unique_ptr<BurstDevice> device = chosen<BurstDevice>(yaml).make({"link", 0});
  auto* link = dynamic_cast<DuplexLink*>(device.get());
  if (link) (void)device.release();
  return std::unique_ptr<DuplexLink>(link);
}

// Bytes per second of `transfers` of that size, so many at a time.
inline double rate_of(const std::string& yaml, std::uint32_t bytes, double read_share,
                      std::uint32_t concurrency, std::uint32_t transfers) {
  return measure_link(*link_of(yaml), {bytes, read_share, concurrency, transfers}).rate;
}

// Median seconds of one transfer at a time.
inline double seconds_of(const std::string& yaml, std::uint32_t bytes, Direction direction) {
  const double reads = direction == Direction::read ? 1 : 0;
  return measure_link(*link_of(yaml), {bytes, reads, 1, 4}).latency_p50.seconds();
}

}  // namespace terrace::validate
