// A switch: joins links, holds no memory; its fabric may be narrower than its ports, and it may
// reduce in flight. Source: NVIDIA, "Upgrading multi-GPU interconnectivity with the
// third-generation NVSwitch", Hot Chips 34 (multicast and reduction, "NVLS"); its efficiency and
// latency as in NCCL (src/graph/tuning.cc). State: none.
#include <optional>

#include "sim/component.h"
#include "sim/registry.h"

namespace terrace {
namespace {

class Switch final : public Component {
 public:
  struct Reduction {  // all-reduce inside the switch
    double efficiency = 0.85;
    Seconds latency{25e-6};
    static void fields(Schema<Reduction>& s) {
      s.field("efficiency", &Reduction::efficiency, "share of the ring's rate that it reaches")
          .between(0.01, 1);
      s.field("latency", &Reduction::latency, "of one reduction, beside the kernel's start");
    }
  };
  struct Params {
    std::optional<BytesPerSecond> fabric;
    std::optional<Reduction> reduction;
    Watts idle_power{0};
    DollarsPerSecond cost{0};
    static void fields(Schema<Params>& s) {
      s.field("fabric", &Params::fabric, "bytes through the switch in all; none: as its ports")
          .above(BytesPerSecond(0));
      s.field("reduction", &Params::reduction, "reduces messages in flight; none: it cannot");
      s.field("idle_power", &Params::idle_power, "power at rest");
      s.field("cost", &Params::cost, "price of having it");
    }
  };

  Switch(const Params& params, const Context& context) : params_(params), context_(context) {}

  void build(Machine& machine) const override {
    Device device;
    device.name = context_.name;
    device.kind = "switch";
    device.idle_power = params_.idle_power;
    device.cost = params_.cost;
    if (params_.reduction) {
      device.facts["reduction.efficiency"] = params_.reduction->efficiency;
      device.facts["reduction.latency"] = params_.reduction->latency.value();
    }
    const DeviceId id = machine.add_device(std::move(device));
    if (!params_.fabric) return;
    const ResourceId fabric =
        machine.add_resource({context_.name + ".fabric", "B", params_.fabric->value(), 0,
                              ResourceClass::link, "bytes through the switch", id});
    machine.device(id).transit.push_back({fabric, 1, 1, {}});
  }

 private:
  Params params_;
  Context context_;
};
TERRACE_REGISTER(Component, Switch, "switch", "joins links; no memory of its own");

}  // namespace
}  // namespace terrace
