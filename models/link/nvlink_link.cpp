// NVLink between a GPU and a peer's memory, packet by packet, all links together: flits of 16 B,
// one or two of header before up to 16 of data. Source: Foley & Danskin, "Ultra-Performance Pascal
// GPU and NVLink Interconnect", IEEE Micro 2017 (flits, packets); NVIDIA/nccl-tests issue 149 for
// what a packet costs. State: that of a DuplexLink.
#include "models/link/duplex_link.h"
#include "sim/registry.h"

namespace terrace {
namespace {

class NvLinkLink final : public DuplexLink {
 public:
  struct Params {
    int links = 18;
    BytesPerSecond link_rate{25e9};
    Bytes payload{256};
    int data_header = 2, bare_header = 1;
    int requests = 4096, buffer_packets = 4096;
    Seconds flight{350e-9};
    Seconds memory_latency{350e-9};
    BytesPerSecond memory_rate{2e12};
    Bytes memory_size{80e9};
    Choice<BurstDevice> below;
    int queue = 8192;
    JoulesPerByte energy{10.4e-12};

    static void fields(Schema<Params>& s) {
      s.field("links", &Params::links, "links between the two ends").between(1, 36);
      s.field("link_rate", &Params::link_rate, "one link one way, before framing")
          .above(BytesPerSecond(0));
      s.field("payload", &Params::payload, "most data bytes in a packet")
          .one_of({Bytes(32), Bytes(64), Bytes(128), Bytes(256)});
      s.field("data_header", &Params::data_header, "flits of a packet besides its data")
          .between(1, 4);
      s.field("bare_header", &Params::bare_header, "flits of a packet without data").between(1, 4);
      s.field("requests", &Params::requests, "reads, and writes, that wait for their reply")
          .between(1, 1 << 20);
      s.field("buffer_packets", &Params::buffer_packets,
              "credits: packets the far end has room for")
          .between(1, 1 << 20);
      s.field("flight", &Params::flight, "GPU, wires and switch, one way");
      s.field("memory_latency", &Params::memory_latency, "of the peer memory that is built in");
      s.field("memory_rate", &Params::memory_rate, "bandwidth of the same")
          .above(BytesPerSecond(0));
      s.field("memory_size", &Params::memory_size, "size of the same").at_least(Bytes(256));
      s.field("below", &Params::below,
              "the peer's memory at burst level, instead of a built-in one");
      s.field("queue", &Params::queue, "transfers accepted and not answered").between(1, 1 << 20);
      s.field("energy", &Params::energy, "of a byte on the wire, both ends");
    }

    DuplexSpec spec() const {
      DuplexSpec s;
      s.peak = link_rate * links;
      s.out.rate = s.back.rate = s.peak.value();
      const auto data = static_cast<std::uint32_t>(payload.value());
      for (DuplexTraffic& t : s.traffic) {
        t.request_bytes = t.reply_bytes = data;
        t.data_multiple = 16;
        t.tags = static_cast<std::uint32_t>(requests);
        t.credit_packets = static_cast<std::uint32_t>(buffer_packets);
        t.credit_bytes = t.credit_packets * data;
        t.far_latency = memory_latency;
      }
      s.traffic[0].request_units = static_cast<std::uint32_t>(bare_header) * 16;
      s.traffic[0].reply_units = static_cast<std::uint32_t>(data_header) * 16;
      s.traffic[1].request_units = static_cast<std::uint32_t>(data_header) * 16;
      s.traffic[1].reply_units = static_cast<std::uint32_t>(bare_header) * 16;
      // A packet travels on one link: it takes longer there than its share of all of them.
      const double packet = payload.value() + 16 * data_header;
      const Seconds alone(packet / link_rate.value() - packet / s.peak.value());
      s.delay_out = s.delay_back = flight + alone;
      s.far_rate = memory_rate;
      s.far_bytes = static_cast<std::uint64_t>(memory_size.value());
      s.queue = static_cast<std::uint32_t>(queue);
      s.energy = energy;
      return s;
    }
  };

  NvLinkLink(const Params& params, const Context& context)
      : DuplexLink(params.spec(), make_below(params.below, context)) {}
};
TERRACE_REGISTER(BurstDevice, NvLinkLink, "nvlink_link",
                 "NVLink to a peer's memory, packet by packet");

}  // namespace
}  // namespace terrace
