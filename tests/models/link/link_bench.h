// A link at burst level on the bench: that of comparisons, and its counts.
#pragma once

#include "tests/models/parts.h"
#include "validate/device/link_drive.h"

namespace terrace::parts {

using validate::link_of;
using validate::rate_of;
using validate::seconds_of;

inline std::int64_t times_of(const BurstDevice& device, const std::string& name) {
  for (const BurstCount& c : device.counts())
    if (c.name == name) return c.times;
  throw std::logic_error("no count " + name);
}

}  // namespace terrace::parts
