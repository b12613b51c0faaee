// CXL.mem over the PCIe physical layer: 64-byte lines in slots of 16-byte in flits of 68 or 256
// bytes. Source: Compute Express Link Specification 3.0, ch. 4 (flits, slots); latencies of the
// protocol steps from CXL-DMSim, arXiv 2411.02282. `from` is the memory device, `to` the host: data
// read flow forward. State: none.
#include <cmath>

#include "models/link/duplex.h"
#include "sim/machine_service.h"
#include "sim/registry.h"

namespace terrace {
namespace {

class Cxl final : public Link {
 public:
  struct Params {
    int generation = 5;
    int lanes = 8;
    int flit = 68;
    double read_header_slots = 0.5;
    double write_header_slots = 1;
    Seconds host_protocol{12e-9};
    Seconds bridge{50e-9};
    JoulesPerByte energy{91.2e-12};
    Choice<BurstDevice> lines;

    static void fields(Schema<Params>& s) {
      s.field("generation", &Params::generation, "generation of the PCIe lanes").one_of({5, 6});
      s.field("lanes", &Params::lanes, "width").one_of({4, 8, 16});
      s.field("flit", &Params::flit, "bytes of a flit").one_of({68, 256});
      s.field("read_header_slots", &Params::read_header_slots,
              "header slots a line takes towards the host (two responses share a slot)")
          .between(0, 4);
      s.field("write_header_slots", &Params::write_header_slots,
              "header slots a line takes towards the device")
          .between(0, 4);
      s.field("host_protocol", &Params::host_protocol, "protocol layer of the host, one way");
      s.field("bridge", &Params::bridge, "host bridge and physical layer, one way");
      s.field("energy", &Params::energy, "energy of a data byte in both ends");
      s.field("lines", &Params::lines,
              "the link line by line, from which service curves are measured; the host reads and "
              "writes the "
              "device; none: the flits alone");
    }
    void check(Checker& c) const {
      if (generation == 6 && flit == 68) c.fail("flit", "64 GT/s needs flits of 256 B");
    }
  };

  Cxl(const Params& params, const Context& context) : params_(params), context_(context) {}

  void build(Machine& machine) const override {
    const Params& p = params_;
    // 128b/130b below 64 GT/s; at 64 GT/s the check codes are part of the flit.
    const double lane = p.generation == 5 ? 32e9 * 128.0 / 130.0 / 8.0 : 64e9 / 8.0;
    const double capacity = lane * p.lanes;
    // Slots of 16 B: 4 of 68 B, 15 of 256 B (the rest is header, CRC and, at 64 GT/s, correction).
    const double slots = p.flit == 68 ? 4 : 15;
    const auto tax = [flit = static_cast<double>(p.flit), slots](double headers, double run) {
      const double lines = std::isinf(run) ? 1 : std::ceil(run / 64.0);
      const double data = std::isinf(run) ? 64.0 : run;
      return lines * (4 + headers) / slots * flit / data;
    };
    LinkInfo link;
    link.latency = 2.0 * (p.host_protocol + p.bridge);  // the request there, the line back
    link.rate = capacity / tax(p.read_header_slots, std::numeric_limits<double>::infinity());
    link.cost = [tax, read = p.read_header_slots, write = p.write_header_slots](Direction d,
                                                                                double run) {
      return tax(d == Direction::read ? read : write, run);
    };
    if (!p.lines.empty()) {
      const auto service = machine_service(machine, p.lines, context_.name, capacity, "lines");
      link.max_rate = [service](Direction d, double run) {
        return service->peak().value() * service->efficiency(run, d);
      };
    }
    add_duplex(machine, context_, std::move(link), BytesPerSecond(capacity), p.energy);
  }

 private:
  Params params_;
  Context context_;
};
TERRACE_REGISTER(Link, Cxl, "cxl", "CXL.mem between a memory device and the host");

}  // namespace
}  // namespace terrace
