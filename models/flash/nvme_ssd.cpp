// An NVMe drive at flow level: one flash array shared by reads and writes, bound by requests for
// small runs and by bandwidth for long ones: no more than the data sheet says, and than the drive
// gives at burst level. Source: where there is no such model, requests in flight over their
// latency, in series with the controller (interactive response-time law, Lazowska et al.,
// Quantitative System Performance, ch. 5); figures from data sheets, see the config. State: none.
#include <algorithm>
#include <cmath>

#include "models/flash/nvme_queue.h"
#include "models/link/copy_engine.h"
#include "sim/component.h"
#include "sim/memory_service.h"
#include "sim/registry.h"

namespace terrace {
namespace {

class NvmeSsd final : public Component {
 public:
  struct Side {  // reads or writes
    BytesPerSecond bandwidth{5e9};
    PerSecond requests{5e5};
    Seconds latency{80e-6};
    static void fields(Schema<Side>& s) {
      s.field("bandwidth", &Side::bandwidth, "sequential").above(BytesPerSecond(0));
      s.field("requests", &Side::requests, "random requests of one page per second at any depth")
          .above(PerSecond(0));
      s.field("latency", &Side::latency, "one request, nothing else running").above(Seconds(0));
    }
  };
  struct Params {
    Bytes capacity{1e12};
    Side read, write;
    Choice<BurstDevice> drive;
    int queue_depth = 32;
    Bytes page{4096};
    Bytes max_request{131072};
    Seconds command{2e-6};
    Watts idle_power{5};
    JoulesPerByte energy{1.2e-9};
    DollarsPerSecond cost{0};

    static void fields(Schema<Params>& s) {
      s.field("capacity", &Params::capacity, "usable").above(Bytes(0));
      s.field("read", &Params::read, "what reads get");
      s.field("write", &Params::write, "what writes get");
      s.field(
          "drive", &Params::drive,
          "the drive burst by burst, from which service curves are measured at that queue depth; "
          "none: requests in flight over their latency");
      s.field("queue_depth", &Params::queue_depth, "requests that software keeps in flight")
          .between(1, 65536);
      s.field("page", &Params::page, "smallest amount that is read or written").above(Bytes(0));
      s.field("max_request", &Params::max_request, "longer runs are cut into requests of this size")
          .above(Bytes(0));
      s.field("command", &Params::command, "until the drive has fetched a command");
      s.field("idle_power", &Params::idle_power, "power at rest");
      s.field("energy", &Params::energy, "of a byte, from active power at full bandwidth");
      s.field("cost", &Params::cost, "price of having it");
    }
    void check(Checker& c) const {
      if (max_request < page) c.fail("max_request", "is smaller than a page, " + to_text(page));
    }
  };

  NvmeSsd(const Params& params, const Context& context) : params_(params), context_(context) {}

  void build(Machine& machine) const override {
    const Params p = params_;
    Device device;
    device.name = context_.name;
    device.kind = "nvme_ssd";
    device.idle_power = p.idle_power;
    device.cost = p.cost;
    const DeviceId id = machine.add_device(std::move(device));
    Tier flash;
    flash.name = context_.name + ".flash";
    flash.device = id;
    flash.resource =
        machine.add_resource({flash.name, "B", p.read.bandwidth.value(), p.energy.value(),
                              ResourceClass::storage, "bytes of flash", id});
    flash.capacity = p.capacity;
    flash.read_latency = p.read.latency;
    flash.write_latency = p.write.latency;
    std::shared_ptr<const MemoryService> service;
    if (!p.drive.empty())
      service =
          memory_service(Choice<BurstDevice>::of(
                             "nvme_queue", NvmeQueueParams{p.drive, p.queue_depth, p.max_request}),
                         flash.name, machine.fidelity(flash.name) == Fidelity::burst);
    machine.serve(flash.resource, service);
    flash.cost = [p, service](Direction d, double run) {
      const Side& side = d == Direction::read ? p.read : p.write;
      const double got = service == nullptr
                             ? rate(p, side, run, side.latency.value() / p.queue_depth)
                             : std::min(rate(p, side, run, 0),
                                        service->peak().value() * service->efficiency(run, d));
      return p.read.bandwidth.value() / got;
    };
    machine.add_tier(flash);
    machine.add_engine({context_.name + ".dma", id, std::make_unique<CopyEngine>(p.command)});
  }

 private:
  // Useful bytes per second of runs of that length. A request spends its latency beside the others
  // in flight, `flight` for each, and its turn at the controller, 1/requests, alone.
  static double rate(const Params& p, const Side& side, double run, double flight) {
    const double useful = std::min(run, p.max_request.value());
    const double moved = std::ceil(useful / p.page.value()) * p.page.value();
    const double seconds = flight + 1 / side.requests.value();
    return std::min(1 / seconds, side.bandwidth.value() / moved) * useful;
  }

  Params params_;
  Context context_;
};
TERRACE_REGISTER(Component, NvmeSsd, "nvme_ssd", "NVMe drive with a DMA engine");

}  // namespace
}  // namespace terrace
