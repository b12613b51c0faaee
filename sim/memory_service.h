// How long a memory takes for a set of accesses: from its service curve (flow level), or by driving
// the burst-level device with just these (fidelity: burst).
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sim/curve_store.h"
#include "sim/flow_network.h"
#include "sim/op_graph.h"

namespace terrace {

// Bytes that move in runs of that length; infinity: one stream.
struct AccessPart {
  double bytes = 0;
  double run_length = std::numeric_limits<double>::infinity();
  Direction direction = Direction::read;
};

// As one flow: runs of a direction as many as its parts have.
Mix mix_of(const AccessPart* parts, std::size_t count);

class MemoryService {
 public:
  virtual ~MemoryService() = default;
  // Useful bytes over bytes at the peak of reads when the parts move together.
  virtual double efficiency(const AccessPart* parts, std::size_t count) const = 0;
  double efficiency(double run_length, Direction direction) const {
    const AccessPart part{1, run_length, direction};
    return efficiency(&part, 1);
  }
  BytesPerSecond peak() const { return peak_; }

 protected:
  explicit MemoryService(BytesPerSecond peak) : peak_(peak) {}

 private:
  BytesPerSecond peak_;
};

// Each part at the rate of its run length, and what the directions cost each other.
class CurveService final : public MemoryService {
 public:
  explicit CurveService(std::shared_ptr<const ServiceCurve> curve)
      : MemoryService(BytesPerSecond(curve->peak())), curve_(std::move(curve)) {}
  double efficiency(const AccessPart* parts, std::size_t count) const override;

 private:
  std::shared_ptr<const ServiceCurve> curve_;
};

// Each mix is driven once, request by request, on a fresh device until its rate is steady; shares
// are told apart to 1/32.
class BurstService final : public MemoryService {
 public:
  BurstService(Choice<BurstDevice> device, std::string name);
  double efficiency(const AccessPart* parts, std::size_t count) const override;

 private:
  Choice<BurstDevice> device_;
  std::string name_;
  mutable std::map<std::vector<double>, double> known_;
};

// No more than what those who ask can draw.
class DrawnService final : public MemoryService {
 public:
  // share: drawn over the peak, in (0, 1].
  DrawnService(std::shared_ptr<const MemoryService> service, double share)
      : MemoryService(service->peak()), service_(std::move(service)), share_(share) {}
  double efficiency(const AccessPart* parts, std::size_t count) const override {
    return std::min(share_, service_->efficiency(parts, count));
  }
  using MemoryService::efficiency;

 private:
  std::shared_ptr<const MemoryService> service_;
  double share_;
};

// By the machine's fidelity for the memory of that name.
std::shared_ptr<const MemoryService> memory_service(const Choice<BurstDevice>& device,
                                                    const std::string& name, bool burst);

}  // namespace terrace
