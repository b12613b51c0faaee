// A host: CPUs as one engine, DRAM as a tier, and what bytes between two devices cost on their way
// through it. Source: DRAM calibrated at burst level, and what cores draw of it as STREAM measures
// (McCalpin, 1995); the rest from the config. State: none.
#include <algorithm>
#include <limits>
#include <optional>

#include "models/host/cpu_engine.h"
#include "sim/component.h"
#include "sim/machine_service.h"
#include "sim/registry.h"

namespace terrace {
namespace {

class Host final : public Component {
 public:
  struct Memory {
    int channels = 8;
    double mega_transfers = 4800;
    Bytes capacity{512e9};
    Bytes reserved{8e9};
    BytesPerSecond stream{300e9};
    Choice<BurstDevice> dram;
    Seconds read_latency{110e-9}, write_latency{110e-9};
    Watts idle_power{20};
    JoulesPerByte energy{94.4e-12};
    double peak() const { return channels * mega_transfers * 1e6 * 8; }
    static void fields(Schema<Memory>& s) {
      s.field("channels", &Memory::channels, "64-bit channels of all sockets").between(1, 64);
      s.field("mega_transfers", &Memory::mega_transfers,
              "10^6 transfers of 8 B per second, channel")
          .between(100, 20000);
      s.field("capacity", &Memory::capacity, "installed").above(Bytes(0));
      s.field("reserved", &Memory::reserved, "taken by the operating system and its services");
      s.field("stream", &Memory::stream, "most that all cores draw, measured")
          .above(BytesPerSecond(0));
      s.field(
          "dram", &Memory::dram,
          "the memory burst by burst, from which service curves are measured; none: any pattern "
          "at the rate of a stream");
      s.field("read_latency", &Memory::read_latency, "a dependent read, nothing else running");
      s.field("write_latency", &Memory::write_latency, "until a write is visible");
      s.field("idle_power", &Memory::idle_power, "of all modules, refresh included");
      s.field("energy", &Memory::energy, "of a byte read or written, device and channel");
    }
    void check(Checker& c) const {
      if (reserved >= capacity) c.fail("reserved", "leaves nothing of " + to_text(capacity));
      if (stream.value() > peak())
        c.fail("stream", to_text(stream) + " is more than the channels have");
    }
  };
  struct Params {
    Memory memory;
    FlopsPerSecond matrix_rate{1e12}, vector_rate{1e11};
    Seconds dispatch{10e-6};
    double relative_speed = 1;
    bool peer_to_peer = true;
    std::optional<BytesPerSecond> peer_bandwidth;
    Watts idle_power{100};
    JoulesPerFlop compute_energy{50e-12};
    DollarsPerSecond cost{0};

    static void fields(Schema<Params>& s) {
      s.field("memory", &Params::memory, "DRAM of the host");
      s.field("matrix_rate", &Params::matrix_rate, "sustained by matrix products on all cores")
          .above(FlopsPerSecond(0));
      s.field("vector_rate", &Params::vector_rate,
              "sustained by attention and other vector kernels")
          .above(FlopsPerSecond(0));
      s.field("dispatch", &Params::dispatch, "waking the threads of one delegated op");
      s.field("relative_speed", &Params::relative_speed,
              "of one thread, against the host on which software times were taken")
          .between(0.01, 100);
      s.field("peer_to_peer", &Params::peer_to_peer,
              "devices reach each other directly; else by a bounce buffer in DRAM");
      s.field("peer_bandwidth", &Params::peer_bandwidth,
              "bytes between devices through the root complex in all; none: as the links")
          .above(BytesPerSecond(0));
      s.field("idle_power", &Params::idle_power, "of CPUs and board, DRAM apart");
      s.field("compute_energy", &Params::compute_energy, "of a FLOP on the cores");
      s.field("cost", &Params::cost, "price of having it");
    }
    void check(Checker& c) const {
      if (!peer_to_peer && peer_bandwidth)
        c.fail("peer_bandwidth", "means nothing without peer_to_peer");
    }
  };

  Host(const Params& params, const Context& context) : params_(params), context_(context) {}

  void build(Machine& machine) const override {
    const std::string& name = context_.name;
    const Memory& m = params_.memory;
    Device device;
    device.name = name;
    device.kind = "host";
    device.idle_power = params_.idle_power + m.idle_power;
    device.cost = params_.cost;
    device.facts["flops.matrix"] = params_.matrix_rate.value();
    device.facts["flops.vector"] = params_.vector_rate.value();
    const DeviceId id = machine.add_device(std::move(device));

    const double peak = m.peak();
    Tier dram;
    dram.name = name + ".dram";
    dram.device = id;
    dram.resource = machine.add_resource({dram.name, "B", peak, m.energy.value(),
                                          ResourceClass::memory, "bytes of host memory", id});
    dram.capacity = m.capacity;
    dram.reserved = m.reserved;
    dram.read_latency = m.read_latency;
    dram.write_latency = m.write_latency;
    std::shared_ptr<const MemoryService> service =
        machine_service(machine, m.dram, dram.name, peak);
    if (service != nullptr)
      service = std::make_shared<DrawnService>(service, m.stream.value() / peak);
    machine.serve(dram.resource, service);
    dram.cost = [drawn = m.stream.value() / peak, service](Direction d, double run) {
      return std::max(1.0, 64.0 / run) /  // whole lines
             (service == nullptr ? drawn : service->efficiency(std::max(run, 64.0), d));
    };
    const double endless = std::numeric_limits<double>::infinity();
    const double bounced =
        dram.cost(Direction::read, endless) + dram.cost(Direction::write, endless);
    machine.add_tier(dram);

    CpuEngine::Rates rates;
    rates.matrix = params_.matrix_rate;
    rates.vector = params_.vector_rate;
    rates.relative_speed = params_.relative_speed;
    rates.dispatch = params_.dispatch;
    rates.cores = machine.add_resource(
        {name + ".cores", "FLOP", std::max(params_.matrix_rate, params_.vector_rate).value(),
         params_.compute_energy.value(), ResourceClass::host, "arithmetic on the host", id});
    machine.add_engine({name + ".cpu", id, std::make_unique<CpuEngine>(id, rates)});

    if (!params_.peer_to_peer) {  // written once and read once
      machine.device(id).transit.push_back({dram.resource, bounced, 2, {}});
    } else if (params_.peer_bandwidth) {
      const ResourceId peer = machine.add_resource(
          {name + ".peer", "B", params_.peer_bandwidth->value(), 0, ResourceClass::link,
           "bytes from device to device through the root complex", id});
      machine.device(id).transit.push_back({peer, 1, 1, {}});
    }
  }

 private:
  Params params_;
  Context context_;
};
TERRACE_REGISTER(Component, Host, "host", "CPUs and their DRAM");

}  // namespace
}  // namespace terrace
