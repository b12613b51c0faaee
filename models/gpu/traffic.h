// What an op's accesses come to on a device with one cache in front of one memory.
#pragma once

#include <boost/container/small_vector.hpp>

#include "models/gpu/device_memory.h"

namespace terrace {

struct Traffic {
  double bytes = 0;           // through the cache
  double missed = 0;          // of those, to or from the memory
  double missed_seconds = 0;  // what the memory needs for these alone, by their run lengths
  Mix mix;                    // of these
};

// Of the accesses to `local`; `held(access)`: the cache has it.
template <class Held>
Traffic traffic_of(const Op& op, TierId local, const DeviceMemory& memory, const Held& held) {
  Traffic t;
  boost::container::small_vector<AccessPart, 8> parts;
  for (const Access& a : op.accesses) {
    if (a.tier != local) continue;
    t.bytes += a.bytes;
    if (held(a)) continue;
    t.missed += a.bytes;
    parts.push_back({a.bytes, a.run_length, a.direction});
  }
  if (t.missed > 0) {
    t.missed_seconds =
        t.missed / (memory.peak.value() * memory.efficiency(parts.data(), parts.size()));
    t.mix = mix_of(parts.data(), parts.size());
  }
  return t;
}

}  // namespace terrace
