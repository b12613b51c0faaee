// RDMA over Ethernet (RoCE v2) between two adapters, frame by frame, on a network that loses
// nothing: priority flow control (PFC) stops a sender before the receiver's buffer is full, so
// nothing is ever sent twice. Source: IEEE 802.3 (preamble, gap, frame check) and 802.1Qbb (PFC);
// InfiniBand Architecture 1.2.1, Annex A17 (RoCE v2). State: that of a DuplexLink.
#include "models/link/duplex_link.h"
#include "sim/registry.h"

namespace terrace {
namespace {

class RoceLink final : public DuplexLink {
 public:
  struct Params {
    BytesPerSecond line_rate{50e9};
    Bytes mtu{4096}, frame_overhead{82}, first_header{16}, ack{86};
    int ack_every = 16;
    Bytes read_request{16384}, buffer{1048576};
    int reads = 128;
    Seconds post{100e-9}, adapter{70e-9}, flight{850e-9}, notice{50e-9};
    Seconds memory_latency{250e-9};
    BytesPerSecond memory_rate{200e9};
    Bytes memory_size{1099511627776};
    Choice<BurstDevice> below;
    int queue = 1024;
    JoulesPerByte energy{500e-12};

    static void fields(Schema<Params>& s) {
      s.field("line_rate", &Params::line_rate, "bits on the wire one way").above(BytesPerSecond(0));
      s.field("mtu", &Params::mtu, "most data bytes of a frame (path MTU)")
          .one_of({Bytes(256), Bytes(512), Bytes(1024), Bytes(2048), Bytes(4096)});
      s.field("frame_overhead", &Params::frame_overhead,
              "preamble 8, gap 12, Ethernet 14 + 4, IP 20, UDP 8, transport 12 + 4")
          .between(Bytes(38), Bytes(200));
      s.field("first_header", &Params::first_header, "more in the first frame of a message (RETH)")
          .between(Bytes(0), Bytes(64));
      s.field("ack", &Params::ack, "a frame that only acknowledges").between(Bytes(84), Bytes(200));
      s.field("ack_every", &Params::ack_every, "frames of a message that one acknowledges")
          .between(1, 1024);
      s.field("read_request", &Params::read_request, "most bytes that one request reads")
          .between(Bytes(256), Bytes(1 << 20));
      s.field("buffer", &Params::buffer, "what the receiver holds before PFC stops the sender")
          .above(Bytes(0));
      s.field("reads", &Params::reads, "read requests without an answer").between(1, 4096);
      s.field("post", &Params::post, "what the host takes to post a message, one after another");
      s.field("adapter", &Params::adapter,
              "what the adapter takes for a message besides its frames");
      s.field("flight", &Params::flight, "adapters, cables and switch, one way");
      s.field("notice", &Params::notice, "until the host has found the completion");
      s.field("memory_latency", &Params::memory_latency, "of the far memory that is built in");
      s.field("memory_rate", &Params::memory_rate, "bandwidth of the same")
          .above(BytesPerSecond(0));
      s.field("memory_size", &Params::memory_size, "size of the same").at_least(Bytes(4096));
      s.field("below", &Params::below, "the far memory at burst level, instead of a built-in one");
      s.field("queue", &Params::queue, "messages accepted and not answered").between(1, 1 << 20);
      s.field("energy", &Params::energy, "of a byte on the wire, both adapters");
    }

    void check(Checker& c) const {
      if (buffer < mtu) c.fail("buffer", "has no room for a frame of " + to_text(mtu));
      if (read_request < mtu) c.fail("read_request", "is less than mtu, " + to_text(mtu));
    }

    DuplexSpec spec() const {
      const auto whole = [](Bytes b) { return static_cast<std::uint32_t>(b.value()); };
      DuplexSpec s;
      s.peak = line_rate;
      s.out.rate = s.back.rate = line_rate.value();
      DuplexTraffic& read = s.traffic[0];
      read.request_bytes = whole(read_request);
      read.reply_bytes = whole(mtu);
      read.request_units = whole(frame_overhead) + 16;
      read.reply_units = whole(frame_overhead);
      read.tags = static_cast<std::uint32_t>(reads);
      read.credit_packets = static_cast<std::uint32_t>(reads);
      DuplexTraffic& write = s.traffic[1];
      write.request_bytes = whole(mtu);
      write.request_units = whole(frame_overhead);
      write.first_units = whole(first_header);
      write.reply_units = whole(ack);
      write.replies_every = static_cast<std::uint32_t>(ack_every);
      write.credit_packets = 1u << 30;
      write.credit_bytes = whole(buffer);
      read.far_latency = write.far_latency = memory_latency;
      write.hold_credit = true;
      s.delay_out = s.delay_back = flight;
      s.far_rate = memory_rate;
      s.far_bytes = static_cast<std::uint64_t>(memory_size.value());
      s.issue = post;
      s.start = adapter;
      s.notice = notice;
      s.queue = static_cast<std::uint32_t>(queue);
      s.energy = energy;
      return s;
    }
  };

  RoceLink(const Params& params, const Context& context)
      : DuplexLink(params.spec(), make_below(params.below, context)) {}
};
TERRACE_REGISTER(BurstDevice, RoceLink, "roce_link", "RDMA over Ethernet, frame by frame");

}  // namespace
}  // namespace terrace
