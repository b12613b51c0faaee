// A CXL memory expander: DDR channels behind a controller. Its link gives framing and the host's
// part of the latency, this device the controller's part and the DRAM's. Source: CXL-DMSim, arXiv
// 2411.02282 (controller 15 ns each way). State: none.
#include <algorithm>

#include "sim/component.h"
#include "sim/machine_service.h"
#include "sim/registry.h"

namespace terrace {
namespace {

class CxlMemory final : public Component {
 public:
  struct Params {
    int channels = 2;
    double mega_transfers = 4800;
    Bytes capacity{256e9};
    Choice<BurstDevice> dram;
    Seconds dram_latency{130e-9};
    Seconds controller_latency{15e-9};
    Watts idle_power{10};
    JoulesPerByte energy{94.4e-12};
    DollarsPerSecond cost{0};

    static void fields(Schema<Params>& s) {
      s.field("channels", &Params::channels, "64-bit DDR channels").between(1, 16);
      s.field("mega_transfers", &Params::mega_transfers,
              "10^6 transfers of 8 B per second, channel")
          .between(100, 20000);
      s.field("capacity", &Params::capacity, "installed").above(Bytes(0));
      s.field("dram", &Params::dram,
              "the memory burst by burst, from which service curves are measured; none: all of its "
              "peak");
      s.field("dram_latency", &Params::dram_latency,
              "a dependent read of the same DDR, local to a CPU");
      s.field("controller_latency", &Params::controller_latency,
              "the device's controller, one way");
      s.field("idle_power", &Params::idle_power, "controller and modules at rest");
      s.field("energy", &Params::energy, "of a byte read or written, device and channel");
      s.field("cost", &Params::cost, "price of having it");
    }
  };

  CxlMemory(const Params& params, const Context& context) : params_(params), context_(context) {}

  void build(Machine& machine) const override {
    const Params& p = params_;
    Device device;
    device.name = context_.name;
    device.kind = "cxl_memory";
    device.idle_power = p.idle_power;
    device.cost = p.cost;
    const DeviceId id = machine.add_device(std::move(device));
    Tier dram;
    dram.name = context_.name + ".dram";
    dram.device = id;
    dram.resource =
        machine.add_resource({dram.name, "B", p.channels * p.mega_transfers * 1e6 * 8,
                              p.energy.value(), ResourceClass::memory, "bytes of CXL memory", id});
    dram.capacity = p.capacity;
    dram.read_latency = dram.write_latency = p.dram_latency + 2.0 * p.controller_latency;
    const double peak = p.channels * p.mega_transfers * 1e6 * 8;
    const auto service = machine_service(machine, p.dram, dram.name, peak, "dram");
    machine.serve(dram.resource, service);
    dram.cost = [service](Direction d, double run) {
      const double lines = std::max(1.0, 64.0 / run);  // whole lines
      return service == nullptr ? lines : lines / service->efficiency(std::max(run, 64.0), d);
    };
    machine.add_tier(dram);
  }

 private:
  Params params_;
  Context context_;
};
TERRACE_REGISTER(Component, CxlMemory, "cxl_memory", "memory expander on a CXL link");

}  // namespace
}  // namespace terrace
