// Parameters of GPU memory, and the bound on scattered accesses.
#include "models/gpu/device_memory.h"

#include <algorithm>
#include <cmath>

namespace terrace {

void DeviceMemory::fields(Schema<DeviceMemory>& s) {
  s.field("type", &DeviceMemory::type, "kind of DRAM").not_empty();
  s.field("capacity", &DeviceMemory::capacity, "total, as the driver reports it").above(Bytes(0));
  s.field("peak", &DeviceMemory::peak, "data bus of all channels").above(BytesPerSecond(0));
  s.field("stream", &DeviceMemory::stream, "measured on large contiguous reads")
      .above(BytesPerSecond(0));
  s.field("latency", &DeviceMemory::latency, "of a load that misses the last-level cache");
  s.field("pseudo_channels", &DeviceMemory::pseudo_channels, "channels with their own banks")
      .above(0);
  s.field("activate_window", &DeviceMemory::activate_window,
          "time in which a channel may open four rows (tFAW)")
      .above(Seconds(0));
  s.field("refresh", &DeviceMemory::refresh, "share of time not lost to refresh (1 - tRFC/tREFI)")
      .above(0)
      .at_most(1);
  s.field("sector", &DeviceMemory::sector, "least that an access moves").above(Bytes(0));
  s.field("energy", &DeviceMemory::energy, "energy of a byte: device and interface");
}

void DeviceMemory::check(Checker& c) const {
  if (stream > peak) c.fail("stream", to_text(stream) + " is more than the peak, " + to_text(peak));
}

double DeviceMemory::efficiency(double run_length) const {
  const double streaming = ratio(stream, peak);
  if (std::isinf(run_length)) return streaming;
  const double run = std::max(run_length, 1.0);
  const double moved = std::ceil(run / sector.value()) * sector.value();
  const double opened = pseudo_channels * 4 * run / activate_window.value() * refresh;
  return std::min(streaming * run / moved, opened / peak.value());
}

}  // namespace terrace
