// Parameters of GPU memory, and the lesser of two bounds.
#include "models/gpu/device_memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace terrace {

void DeviceMemory::fields(Schema<DeviceMemory>& s) {
  s.field("type", &DeviceMemory::type, "kind of DRAM").not_empty();
  s.field("capacity", &DeviceMemory::capacity, "total, as the driver reports it").above(Bytes(0));
  s.field("peak", &DeviceMemory::peak, "data bus of all channels").above(BytesPerSecond(0));
  s.field("stream", &DeviceMemory::stream,
          "most that all multiprocessors draw, measured on large contiguous reads")
      .above(BytesPerSecond(0));
  s.field("latency", &DeviceMemory::latency, "of a load that misses the last-level cache");
  s.field("dram", &DeviceMemory::dram,
          "the memory burst by burst, from which service curves are measured; none: any pattern at "
          "the rate of a stream");
  s.field("energy", &DeviceMemory::energy, "energy of a byte: device and interface");
}

void DeviceMemory::check(Checker& c) const {
  if (stream > peak) c.fail("stream", to_text(stream) + " is more than the peak, " + to_text(peak));
}

void DeviceMemory::connect(const std::string& name, Fidelity fidelity) {
  if (dram.empty() || service_ != nullptr) return;
  const auto pins = memory_service(dram, name, fidelity == Fidelity::burst);
  if (std::abs(ratio(pins->peak(), peak) - 1) > 0.02)
    throw BuildError("memory.dram",
                     fmt::format("its pins give {:.4g} GB/s, but memory.peak says {:.4g}",
                                 pins->peak().value() / 1e9, peak.value() / 1e9));
  service_ = std::make_shared<DrawnService>(pins, ratio(stream, peak));
}

double DeviceMemory::efficiency(const AccessPart* parts, std::size_t count) const {
  return service_ == nullptr ? ratio(stream, peak) : service_->efficiency(parts, count);
}

}  // namespace terrace
