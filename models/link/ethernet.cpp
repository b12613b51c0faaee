// Ethernet with RDMA (RoCE v2): line rate less the headers of every frame.
// Source: IEEE 802.3 (preamble, gap, frame check) and InfiniBand Architecture 1.2.1, Annex A17
// (RoCE v2). State: none.
#include <cmath>
#include <optional>

#include "models/link/duplex.h"
#include "models/link/peer_costs.h"
#include "sim/registry.h"

namespace terrace {
namespace {

class Ethernet final : public Link {
 public:
  struct Params {
    BytesPerSecond line_rate{50e9};
    Bytes payload{4096};
    Bytes frame_overhead{82};
    Seconds latency{2e-6};
    JoulesPerByte energy{160e-12};
    std::optional<PeerCosts> peer;

    static void fields(Schema<Params>& s) {
      s.field("line_rate", &Params::line_rate, "bits on the wire one way").above(BytesPerSecond(0));
      s.field("payload", &Params::payload, "data bytes of a frame (path MTU)").above(Bytes(0));
      s.field("frame_overhead", &Params::frame_overhead,
              "preamble 8, gap 12, Ethernet 14 + 4, IP 20, UDP 8, transport 12 + 4");
      s.field("latency", &Params::latency, "first byte, adapter to adapter");
      s.field("energy", &Params::energy, "energy of a data byte in both adapters");
      s.field("peer", &Params::peer, "costs of GPU kernels that talk over it; none: they cannot");
    }
  };

  Ethernet(const Params& params, const Context& context) : params_(params), context_(context) {}

  void build(Machine& machine) const override {
    const Params p = params_;
    const auto tax = [p](double run) {
      const double payload = p.payload.value();
      const double frames = std::isinf(run) ? 1 : std::ceil(run / payload);
      const double data = std::isinf(run) ? payload : run;
      return (data + frames * p.frame_overhead.value()) / data;
    };
    LinkInfo link;
    link.latency = p.latency;
    link.rate = p.line_rate.value() / tax(std::numeric_limits<double>::infinity());
    link.cost = [tax](Direction, double run) { return tax(run); };
    if (p.peer) p.peer->tell(link);
    add_duplex(machine, context_, std::move(link), p.line_rate, p.energy);
  }

 private:
  Params params_;
  Context context_;
};
TERRACE_REGISTER(Link, Ethernet, "ethernet", "Ethernet with RDMA between adapters");

}  // namespace
}  // namespace terrace
