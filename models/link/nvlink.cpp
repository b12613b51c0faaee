// NVLink, all links of one GPU together: flit framing of the packets, and what kernels make of it.
// Source: Foley & Danskin, "Ultra-Performance Pascal GPU and NVLink Interconnect", IEEE Micro 2017
// (packets of one header and up to 16 data flits of 16 B); rates from NVIDIA's A100 and H100
// architecture papers. State: none.
#include <cmath>
#include <optional>

#include "models/link/duplex.h"
#include "models/link/peer_costs.h"
#include "sim/registry.h"

namespace terrace {
namespace {

class NvLink final : public Link {
 public:
  struct Params {
    int links = 18;
    BytesPerSecond link_rate{25e9};
    Bytes max_payload{256};
    Bytes packet_overhead{16};
    Seconds latency{700e-9};
    JoulesPerByte energy{10.4e-12};
    PeerCosts peer;

    static void fields(Schema<Params>& s) {
      s.field("links", &Params::links, "links between the two ends").between(1, 36);
      s.field("link_rate", &Params::link_rate, "one link one way, before framing")
          .above(BytesPerSecond(0));
      s.field("max_payload", &Params::max_payload, "most data bytes in a packet").above(Bytes(0));
      s.field("packet_overhead", &Params::packet_overhead, "header flit of a packet");
      s.field("latency", &Params::latency, "first byte, end to end");
      s.field("energy", &Params::energy, "energy of a data byte in both ends");
      s.field("peer", &Params::peer, "costs of GPU kernels that talk over it");
    }
    void check(Checker& c) const {
      if (peer.rate > link_rate * links)
        c.fail("peer.rate",
               to_text(peer.rate) + " is more than the links carry, " + to_text(link_rate * links));
    }
  };

  NvLink(const Params& params, const Context& context) : params_(params), context_(context) {}

  void build(Machine& machine) const override {
    const Params p = params_;
    const auto tax = [p](double run) {
      const double payload = p.max_payload.value();
      const double packets = std::isinf(run) ? 1 : std::ceil(run / payload);
      const double data = std::isinf(run) ? payload : run;
      return (data + packets * p.packet_overhead.value()) / data;
    };
    const BytesPerSecond capacity = p.link_rate * p.links;
    LinkInfo link;
    link.latency = p.latency;
    link.rate = capacity.value() / tax(std::numeric_limits<double>::infinity());
    link.cost = [tax](Direction, double run) { return tax(run); };
    p.peer.tell(link);
    add_duplex(machine, context_, std::move(link), capacity, p.energy);
  }

 private:
  Params params_;
  Context context_;
};
TERRACE_REGISTER(Link, NvLink, "nvlink", "NVLink from a GPU to a peer or a switch");

}  // namespace
}  // namespace terrace
