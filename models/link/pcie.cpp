// PCI Express, generation 3 to 6: raw rate of the lanes, less encoding, packet headers and link
// management. Source: PCI Express Base Specification 6.0 (rates, encodings, packet layout); the
// form of the packet tax is that of Neugebauer et al., "Understanding PCIe performance for end host
// networking", SIGCOMM 2018. State: none.
#include <algorithm>
#include <cmath>
#include <optional>

#include "models/link/duplex.h"
#include "models/link/peer_costs.h"
#include "sim/machine_service.h"
#include "sim/registry.h"

namespace terrace {
namespace {

class Pcie final : public Link {
 public:
  struct Params {
    int generation = 5;
    int lanes = 16;
    Bytes max_payload{256};
    Bytes packet_overhead{24};
    double link_management = 0.025;
    Seconds copy_issue;
    Seconds latency{500e-9};
    JoulesPerByte energy{91.2e-12};
    std::optional<PeerCosts> peer;
    Choice<BurstDevice> packets, loads;

    static void fields(Schema<Params>& s) {
      s.field("generation", &Params::generation, "generation of the standard").between(3, 6);
      s.field("lanes", &Params::lanes, "width").one_of({1, 2, 4, 8, 16});
      s.field("max_payload", &Params::max_payload, "most data bytes in a packet (MPS)")
          .one_of({Bytes(128), Bytes(256), Bytes(512), Bytes(1024), Bytes(2048), Bytes(4096)});
      s.field("packet_overhead", &Params::packet_overhead,
              "header, sequence number, LCRC and framing of a packet");
      s.field("link_management", &Params::link_management,
              "share of the link that acknowledgements and flow control take")
          .between(0, 0.2);
      s.field("copy_issue", &Params::copy_issue,
              "what each copy costs the GPU's copy engine, back to back");
      s.field("latency", &Params::latency, "first byte, end to end");
      s.field("energy", &Params::energy, "energy of a data byte in both ends");
      s.field("peer", &Params::peer, "costs of GPU kernels that talk over it; none: they cannot");
      s.field("packets", &Params::packets,
              "the link packet by packet, from which service curves of copies are measured; its "
              "device reads and writes the host; none: copy_issue and the packet tax");
      s.field("loads", &Params::loads,
              "the same for what GPU kernels read of the host's memory and write to it by "
              "themselves; none: as copies");
    }
    void check(Checker& c) const {
      if (!packets.empty() && copy_issue > Seconds(0))
        c.fail("copy_issue", "means nothing beside packets, which say what a copy costs");
    }
  };

  Pcie(const Params& params, const Context& context) : params_(params), context_(context) {}

  void build(Machine& machine) const override {
    const double capacity = raw_rate(params_.generation) * params_.lanes;
    const Params p = params_;
    const auto tax = [p](double run) { return packet_tax(p, run); };
    LinkInfo link;
    link.latency = p.latency;
    link.rate = capacity / tax(std::numeric_limits<double>::infinity());
    link.cost = [tax](Direction, double run) { return tax(run); };
    const auto served = [&](const Choice<BurstDevice>& device, const char* path) {
      return [service = machine_service(machine, device, context_.name, capacity, path)](
                 Direction d, double run) {  // the device writes what goes forward
        return service->peak().value() *
               service->efficiency(run, d == Direction::read ? Direction::write : Direction::read);
      };
    };
    if (!p.loads.empty()) {
      link.load_rate = served(p.loads, "loads");
      link.load_cost = [rate = link.load_rate, capacity](Direction d, double run) {
        return capacity / rate(d, run);
      };
    }
    if (!p.packets.empty()) {
      link.max_rate = served(p.packets, "packets");
    } else if (p.copy_issue > Seconds(0)) {
      link.max_rate = [tax, capacity, issue = p.copy_issue.value()](Direction, double run) {
        const double rate = capacity / tax(run);
        return std::isinf(run) ? rate : run / (issue + run / rate);
      };
    }
    if (p.peer) p.peer->tell(link);
    add_duplex(machine, context_, std::move(link), BytesPerSecond(capacity), p.energy);
  }

 private:
  // Bytes per second of one lane, one way, after encoding: 128b/130b to generation 5; FLITs of 256
  // B, of which 14 are check and correction codes, in generation 6.
  static double raw_rate(int generation) {
    const double transfers = 8e9 * std::pow(2.0, generation - 3);
    const double encoding = generation < 6 ? 128.0 / 130.0 : 242.0 / 256.0;
    return transfers * encoding / 8.0;
  }

  // Link bytes per data byte when data come in runs of that length.
  static double packet_tax(const Params& p, double run) {
    const double payload = p.max_payload.value();
    const double packets = std::isinf(run) ? 1 : std::ceil(run / payload);
    const double data = std::isinf(run) ? payload : run;
    return (data + packets * p.packet_overhead.value()) / data / (1 - p.link_management);
  }

  Params params_;
  Context context_;
};
TERRACE_REGISTER(Link, Pcie, "pcie", "PCI Express between a device and the host");

}  // namespace
}  // namespace terrace
