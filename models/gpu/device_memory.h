// The DRAM on a GPU as its kernels see it: capacity, peak, and what share of it an access pattern
// gets.
#pragma once

#include <memory>

#include "sim/machine.h"
#include "sim/memory_service.h"
#include "sim/schema.h"

namespace terrace {

// Two bounds: what the memory serves, calibrated at burst level (sim/memory_service.h), and what
// all multiprocessors together can draw, measured: requests in flight over latency.
struct DeviceMemory {
  std::string type = "HBM3";
  Bytes capacity{85e9};  // as the driver reports it
  BytesPerSecond peak{3350e9};
  BytesPerSecond stream{3050e9};  // most that is drawn; large contiguous reads
  Seconds latency{370e-9};        // a load that misses the last-level cache
  Choice<BurstDevice> dram;       // empty: any pattern at the rate of a stream
  JoulesPerByte energy{28.7e-12};

  static void fields(Schema<DeviceMemory>& s);
  void check(Checker& c) const;
  // Before the questions below, once; `name` is the tier's.
  void connect(const std::string& name, Fidelity fidelity);

  // Useful bytes over bytes at peak, in (0, 1], when the parts move together.
  double efficiency(const AccessPart* parts, std::size_t count) const;
  double efficiency(double run_length, Direction direction = Direction::read) const {
    const AccessPart part{1, run_length, direction};
    return efficiency(&part, 1);
  }
  // Null where no burst-level device is given.
  const std::shared_ptr<const MemoryService>& service() const { return service_; }

 private:
  std::shared_ptr<const MemoryService> service_;
};

}  // namespace terrace
