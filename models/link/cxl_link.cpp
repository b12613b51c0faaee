// CXL.mem between a CPU and a memory expander, line by line: requests and lines travel in slots of
// 16 B in flits of 68 or 256 B, between two controllers with queues. Source: Compute Express Link
// Specification 3.0, ch. 4 (flits, slots, messages); latencies and queues from CXL-DMSim, arXiv
// 2411.02282. State: that of a DuplexLink.
#include <cmath>

#include "models/link/duplex_link.h"
#include "sim/registry.h"

namespace terrace {
namespace {

class CxlLink final : public DuplexLink {
 public:
  struct Params {
    double version = 2.0;
    int generation = 5, lanes = 8, flit = 68, switches = 0;
    double read_request_slots = 1, read_reply_slots = 0.5;
    double write_request_slots = 1, write_reply_slots = 0.5;
    Seconds host_path{80e-9}, host_protocol{12e-9}, bridge{50e-9};
    Seconds switch_latency{100e-9}, device{15e-9};
    int link_fifo = 128, device_fifo = 48;
    Seconds memory_latency{50e-9};
    BytesPerSecond memory_rate{31.7e9};
    Bytes memory_size{128e9};
    Choice<BurstDevice> below;
    int queue = 1024;
    JoulesPerByte energy{91.2e-12};

    static void fields(Schema<Params>& s) {
      s.field("version", &Params::version, "of the standard").one_of({1.1, 2.0, 3.0});
      s.field("generation", &Params::generation, "generation of the PCIe lanes").one_of({5, 6});
      s.field("lanes", &Params::lanes, "width").one_of({4, 8, 16});
      s.field("flit", &Params::flit, "bytes of a flit").one_of({68, 256});
      s.field("switches", &Params::switches, "between host and device").between(0, 2);
      s.field("read_request_slots", &Params::read_request_slots,
              "slots of a read request (M2S Req)")
          .between(0.25, 4);
      s.field("read_reply_slots", &Params::read_reply_slots,
              "slots of a line read besides its four of data (S2M DRS)")
          .between(0.25, 4);
      s.field("write_request_slots", &Params::write_request_slots,
              "slots of a line written besides its four of data (M2S RwD)")
          .between(0.25, 4);
      s.field("write_reply_slots", &Params::write_reply_slots,
              "slots of a completed write (S2M NDR)")
          .between(0.25, 4);
      s.field("host_path", &Params::host_path, "core, caches and mesh, to the port and back");
      s.field("host_protocol", &Params::host_protocol, "protocol layer of the host, one way");
      s.field("bridge", &Params::bridge, "host bridge and physical layer, one way");
      s.field("switch_latency", &Params::switch_latency, "a switch, one way");
      s.field("device", &Params::device, "controller of the device, one way");
      s.field("link_fifo", &Params::link_fifo, "lines the host keeps under way on the link")
          .between(1, 4096);
      s.field("device_fifo", &Params::device_fifo,
              "requests that the device has at its memory; more wait where the link ends")
          .between(1, 4096);
      s.field("memory_latency", &Params::memory_latency, "of the DRAM that is built in");
      s.field("memory_rate", &Params::memory_rate, "bandwidth of the same")
          .above(BytesPerSecond(0));
      s.field("memory_size", &Params::memory_size, "size of the same").at_least(Bytes(64));
      s.field("below", &Params::below,
              "the device's DRAM at burst level, instead of a built-in one");
      s.field("queue", &Params::queue, "requests accepted and not answered").between(1, 1 << 20);
      s.field("energy", &Params::energy, "of a byte on the wire, both ends");
    }

    void check(Checker& c) const {
      if (generation == 6 && flit == 68) c.fail("flit", "64 GT/s needs flits of 256 B");
      if (generation == 6 && version < 3) c.fail("generation", "64 GT/s came with CXL 3.0");
      if (flit == 256 && version < 3) c.fail("flit", "flits of 256 B came with CXL 3.0");
      if (switches > 0 && version < 2) c.fail("switches", "CXL 1.1 has none");
      if (switches > 1 && version < 3) c.fail("switches", "CXL 2.0 has one level of them");
      const std::pair<const char*, double> slots[] = {{"read_request_slots", read_request_slots},
                                                      {"read_reply_slots", read_reply_slots},
                                                      {"write_request_slots", write_request_slots},
                                                      {"write_reply_slots", write_reply_slots}};
      for (const auto& [key, value] : slots)
        if (value * 4 != std::floor(value * 4)) c.fail(key, "must be a multiple of 0.25");
    }

    DuplexSpec spec() const {
      DuplexSpec s;
      // 128b/130b below 64 GT/s; at 64 GT/s the check codes are part of the flit.
      s.out.rate = lanes * (generation == 5 ? 32e9 * 128.0 / 130.0 / 8.0 : 64e9 / 8.0);
      s.peak = BytesPerSecond(s.out.rate);
      // Slots of 16 B, in quarters: 4 of 68 B; 15 of 256 B, whose rest is header and check codes.
      s.out.flit_units = flit == 68 ? 16 : 60;
      s.out.flit_bytes = static_cast<std::uint32_t>(flit);
      s.back = s.out;
      s.unit_bytes = 4;
      const auto quarters = [](double slots) { return static_cast<std::uint32_t>(slots * 4); };
      for (DuplexTraffic& t : s.traffic) {
        t.request_bytes = t.reply_bytes = t.data_multiple = 64;
        t.credit_packets = static_cast<std::uint32_t>(link_fifo);
        t.credit_bytes = static_cast<std::uint32_t>(link_fifo) * 64;
        t.tags = static_cast<std::uint32_t>(link_fifo);
        t.far_latency = memory_latency;
      }
      s.share_tags = true;
      s.traffic[0].request_units = quarters(read_request_slots);
      s.traffic[0].reply_units = quarters(read_reply_slots);
      s.traffic[1].request_units = quarters(write_request_slots);
      s.traffic[1].reply_units = quarters(write_reply_slots);
      s.delay_out = s.delay_back =
          host_protocol + bridge + static_cast<double>(switches) * switch_latency + device;
      s.entry = host_path;
      s.far_rate = memory_rate;
      s.far_slots = static_cast<std::uint32_t>(device_fifo);
      s.far_bytes = static_cast<std::uint64_t>(memory_size.value());
      s.queue = static_cast<std::uint32_t>(queue);
      s.energy = energy;
      return s;
    }
  };

  CxlLink(const Params& params, const Context& context)
      : DuplexLink(params.spec(), make_below(params.below, context)) {}
};
TERRACE_REGISTER(BurstDevice, CxlLink, "cxl_link", "CXL.mem to an expander, line by line");

}  // namespace
}  // namespace terrace
