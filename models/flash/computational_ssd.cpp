// A computational drive at flow level: flash behind channels (internal bandwidth), an attention
// engine beside them, and a port to the host or another device (external bandwidth). Source:
// InstInfer (arXiv 2409.04992), HILOS; figures in configs/flash/csd_*.yaml. State: none (no wear,
// no cleaning).
#include <algorithm>
#include <cmath>

#include "models/flash/csd_engine.h"
#include "models/link/copy_engine.h"
#include "sim/component.h"
#include "sim/registry.h"

namespace terrace {
namespace {

class ComputationalSsd final : public Component {
 public:
  struct Params {
    Bytes capacity{2e12};
    int channels = 8;
    BytesPerSecond channel{1.4e9};
    BytesPerSecond external_read{7e9}, external_write{5e9};
    double write_share = 0.5;
    Bytes page{4096};
    Seconds read_latency{60e-6}, write_latency{20e-6};
    Seconds command{2e-6};
    AttentionEngineParams engine;
    Watts idle_power{8};
    JoulesPerByte energy{0.6e-9};
    DollarsPerSecond cost{0};

    static void fields(Schema<Params>& s) {
      s.field("capacity", &Params::capacity, "usable").above(Bytes(0));
      s.field("channels", &Params::channels, "buses to the flash").between(1, 64);
      s.field("channel", &Params::channel, "bytes that a channel reads").above(BytesPerSecond(0));
      s.field("external_read", &Params::external_read, "from flash to the port")
          .above(BytesPerSecond(0));
      s.field("external_write", &Params::external_write, "from the port to flash")
          .above(BytesPerSecond(0));
      s.field("write_share", &Params::write_share, "of the channels' rate that writes reach")
          .above(0)
          .at_most(1);
      s.field("page", &Params::page, "smallest amount that the channels bring").above(Bytes(0));
      s.field("read_latency", &Params::read_latency, "a page to the controller").above(Seconds(0));
      s.field("write_latency", &Params::write_latency, "into the drive's buffer");
      s.field("command", &Params::command, "until the drive has fetched a host's command");
      s.field("engine", &Params::engine, "attention beside the channels");
      s.field("idle_power", &Params::idle_power, "power at rest");
      s.field("energy", &Params::energy, "of a byte of flash");
      s.field("cost", &Params::cost, "price of having it");
    }
    void check(Checker& c) const {
      if (page > engine.sram) c.fail("engine.sram", "holds not even a page of " + to_text(page));
      if (page >= capacity) c.fail("capacity", "is no more than a page, " + to_text(page));
    }
  };

  ComputationalSsd(const Params& params, const Context& context)
      : params_(params), context_(context) {}

  void build(Machine& machine) const override {
    const Params p = params_;
    const std::string& name = context_.name;
    Device device;
    device.name = name;
    device.kind = "computational_ssd";
    device.idle_power = p.idle_power;
    device.cost = p.cost;
    device.facts["internal_bandwidth"] = p.channel.value() * p.channels;
    device.facts["external_bandwidth"] = p.external_read.value();
    device.facts["sram"] = p.engine.sram.value();
    if (p.engine.sparse) device.facts["chooses"] = 1;  // what of the context it reads
    double fastest = 0;
    for (const auto& [format, rate] : p.engine.rate) {
      device.facts["attention_flops." + format] = rate.value();
      fastest = std::max(fastest, rate.value());
    }
    const DeviceId id = machine.add_device(std::move(device));
    const auto resource = [&](const char* part, const char* unit, double capacity, double joules,
                              ResourceClass group, const char* text) {
      return machine.add_resource({name + part, unit, capacity, joules, group, text, id});
    };
    Tier flash;
    flash.name = name + ".flash";
    flash.device = id;
    flash.resource = resource(".flash", "B", p.channel.value() * p.channels, p.energy.value(),
                              ResourceClass::storage, "bytes over the drive's flash channels");
    flash.read_port = resource(".read_port", "B", p.external_read.value(), 0,
                               ResourceClass::storage, "bytes of flash that leave the drive");
    flash.write_port = resource(".write_port", "B", p.external_write.value(), 0,
                                ResourceClass::storage, "bytes of flash that come from outside");
    flash.capacity = p.capacity;
    flash.read_latency = p.read_latency;
    flash.write_latency = p.write_latency;
    flash.cost = [p](Direction d, double run) {
      const double page = p.page.value();
      const double whole = std::isinf(run) ? 1 : std::ceil(run / page) * page / run;
      return d == Direction::read ? whole : whole / p.write_share;
    };
    CsdEngine::Parts parts;
    parts.device = id;
    parts.channels = flash.resource;
    parts.flash = machine.add_tier(flash);
    parts.compute_capacity = fastest;
    parts.compute = resource(".engine", "FLOP", fastest, p.engine.energy.value(),
                             ResourceClass::compute, "arithmetic of attention in the drive");
    machine.add_engine({name + ".dma", id, std::make_unique<CopyEngine>(p.command)});
    machine.add_engine({name + ".attention", id, std::make_unique<CsdEngine>(p.engine, parts)});
  }

 private:
  Params params_;
  Context context_;
};
TERRACE_REGISTER(Component, ComputationalSsd, "computational_ssd",
                 "drive with an attention engine beside its flash channels");

}  // namespace
}  // namespace terrace
