// PCI Express between a GPU's copy engines and host memory, packet by packet: writes are posted
// upstream, reads are requested upstream and completed downstream. Source: PCI Express Base
// Specification 6.0 (rates, packets, credits, tags, flits); what a copy costs besides is measured
// (configs/link/pcie5_x16_burst.yaml). State: that of a DuplexLink.
#include <cmath>

#include "models/link/duplex_link.h"
#include "sim/registry.h"

namespace terrace {
namespace {

class PcieLink final : public DuplexLink {
 public:
  struct Params {
    int generation = 5;
    int lanes = 16;
    Bytes max_payload{256}, max_read_request{512}, completion{256}, read_boundary{64};
    int write_header = 16, read_header = 16, completion_header = 12;
    int framing = 8, management = 8;
    int ack_every = 1, update_every = 1;
    int skip_every = 370;
    int posted_headers = 128, read_headers = 128;
    Bytes posted_data{65536};
    int tags = 256;
    Seconds flight{100e-9};
    Seconds memory_read{300e-9}, memory_write{25e-9};
    BytesPerSecond memory_rate{200e9};
    Bytes memory_size{1099511627776};
    Choice<BurstDevice> below;
    Seconds issue, engine, notice;
    bool one_copy_at_a_time = true;
    int queue = 1024;
    JoulesPerByte energy{91.2e-12};

    static void fields(Schema<Params>& s) {
      s.field("generation", &Params::generation, "generation of the standard").between(3, 6);
      s.field("lanes", &Params::lanes, "width").one_of({1, 2, 4, 8, 16});
      s.field("max_payload", &Params::max_payload, "most data bytes in a packet (MPS)")
          .one_of({Bytes(128), Bytes(256), Bytes(512), Bytes(1024), Bytes(2048), Bytes(4096)});
      s.field("max_read_request", &Params::max_read_request, "most bytes of a read request (MRRS)")
          .one_of({Bytes(128), Bytes(256), Bytes(512), Bytes(1024), Bytes(2048), Bytes(4096)});
      s.field("completion", &Params::completion,
              "data bytes of a completion as the host cuts them; completions end at its multiples")
          .between(Bytes(64), Bytes(4096));
      s.field("read_boundary", &Params::read_boundary, "where completions may end (RCB)")
          .one_of({Bytes(64), Bytes(128)});
      s.field("write_header", &Params::write_header, "bytes, with 64-bit address").between(12, 24);
      s.field("read_header", &Params::read_header, "bytes, with 64-bit address").between(12, 24);
      s.field("completion_header", &Params::completion_header, "bytes").between(12, 24);
      s.field("framing", &Params::framing,
              "bytes of start, sequence number and LCRC of a packet; flits have none")
          .between(0, 16);
      s.field("management", &Params::management, "bytes of a DLLP with its framing").between(0, 16);
      s.field("ack_every", &Params::ack_every, "packets that one Ack answers").between(1, 64);
      s.field("update_every", &Params::update_every, "packets that one UpdateFC gives back")
          .between(1, 64);
      s.field("skip_every", &Params::skip_every,
              "blocks from one SKP ordered set to the next; 0: none")
          .between(0, 10000);
      s.field("posted_headers", &Params::posted_headers, "credits for posted packets (PH)")
          .between(1, 4096);
      s.field("posted_data", &Params::posted_data, "credits for posted data (PD x 16 B)")
          .above(Bytes(0));
      s.field("read_headers", &Params::read_headers, "credits for read requests (NPH)")
          .between(1, 4096);
      s.field("tags", &Params::tags, "read requests without an answer").between(1, 15360);
      s.field("flight", &Params::flight, "controllers and wire, one way");
      s.field("memory_read", &Params::memory_read, "latency of the host memory that is built in");
      s.field("memory_write", &Params::memory_write, "the same, until a write is taken");
      s.field("memory_rate", &Params::memory_rate, "bandwidth of the same")
          .above(BytesPerSecond(0));
      s.field("memory_size", &Params::memory_size, "size of the same").above(Bytes(0));
      s.field("below", &Params::below, "the host memory at burst level, instead of a built-in one");
      s.field("issue", &Params::issue, "what the host takes to submit a copy, one after another");
      s.field("engine", &Params::engine, "what the copy engine takes for a copy besides moving it");
      s.field("notice", &Params::notice, "until a host that waits for the copy goes on");
      s.field("one_copy_at_a_time", &Params::one_copy_at_a_time,
              "a direction's next copy starts when the last has ended, as in one CUDA stream");
      s.field("queue", &Params::queue, "copies accepted and not ended").between(1, 1 << 20);
      s.field("energy", &Params::energy, "of a byte on the wire, both ends");
    }

    void check(Checker& c) const {
      const int most_tags = generation == 3 ? 256 : generation < 6 ? 768 : 15360;
      if (tags > most_tags)
        c.fail("tags", "generation " + std::to_string(generation) + " has tags for " +
                           std::to_string(most_tags) + " requests");
      if (completion > max_payload)
        c.fail("completion",
               to_text(completion) + " is more than max_payload, " + to_text(max_payload));
      if (std::fmod(completion.value(), read_boundary.value()) != 0)
        c.fail("completion", "must be a multiple of read_boundary, " + to_text(read_boundary));
      if (posted_data < max_payload * update_every)
        c.fail("posted_data", "has no room for " + std::to_string(update_every) +
                                  " packets of max_payload, which one UpdateFC gives back");
      if (std::min(posted_headers, read_headers) < update_every)
        c.fail("update_every", "is more than the credits for headers");
      if (write_header % 4 + read_header % 4 + completion_header % 4 != 0)
        c.fail("write_header", "headers are whole words of 4 B");
      if (memory_size.value() < 4096) c.fail("memory_size", "is less than a page of 4 KiB");
    }

    BytesPerSecond raw() const {  // one way, after encoding
      const double encoding = generation < 6 ? 128.0 / 130.0 : 242.0 / 256.0;
      return BytesPerSecond(lanes * 8e9 * std::pow(2.0, generation - 3) * encoding / 8);
    }

    DuplexSpec spec() const {
      const bool flits = generation == 6;
      const double skips = skip_every > 0 ? skip_every / (skip_every + 1.0) : 1;
      DuplexSpec s;
      // Generation 6: 236 B of packets in a flit of 256 B; the rest is DLLP, CRC and correction.
      s.out.rate = raw().value() * skips * (flits ? 256.0 / 242.0 : 1);
      s.out.flit_units = flits ? 59 : 0;
      s.out.flit_bytes = flits ? 256 : 0;
      s.back = s.out;
      s.unit_bytes = flits ? 4 : 1;
      const auto units = [&](int header) {
        return static_cast<std::uint32_t>(flits ? header / 4 : header + framing);
      };
      const auto whole = [](Bytes b) { return static_cast<std::uint32_t>(b.value()); };
      DuplexTraffic& read = s.traffic[0];
      read.request_bytes = whole(max_read_request);
      read.reply_bytes = whole(completion);
      read.request_units = units(read_header);
      read.reply_units = units(completion_header);
      read.tags = static_cast<std::uint32_t>(tags);
      read.credit_packets = static_cast<std::uint32_t>(read_headers);
      read.far_latency = memory_read;
      DuplexTraffic& write = s.traffic[1];
      write.request_bytes = whole(max_payload);
      write.request_units = units(write_header);
      write.reply_units = 0;
      write.credit_packets = static_cast<std::uint32_t>(posted_headers);
      write.credit_bytes = whole(posted_data);
      write.hold_credit = true;
      write.far_latency = memory_write;
      s.delay_out = s.delay_back = flight;
      s.far_rate = memory_rate;
      s.far_bytes = static_cast<std::uint64_t>(memory_size.value());
      s.ack_bytes = s.update_bytes = flits ? 0 : static_cast<std::uint32_t>(management);
      s.ack_every = static_cast<std::uint32_t>(ack_every);
      s.update_every = static_cast<std::uint32_t>(update_every);
      s.issue = issue;
      s.start = engine;
      s.one_at_a_time = one_copy_at_a_time;
      s.notice = notice;
      s.transfer_bytes = 16u << 20;  // a copy is one transfer; longer ones are as fast
      s.queue = static_cast<std::uint32_t>(queue);
      s.peak = raw();
      s.energy = energy;
      return s;
    }
  };

  PcieLink(const Params& params, const Context& context)
      : DuplexLink(params.spec(), make_below(params.below, context)) {}
};
TERRACE_REGISTER(BurstDevice, PcieLink, "pcie_link",
                 "PCI Express to host memory, packet by packet");

}  // namespace
}  // namespace terrace
