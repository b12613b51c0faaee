// CXL memory: latency and bandwidth against published measurements.
#include <catch2/catch.hpp>
#include <cstdio>

#include "tests/models/parts.h"

using namespace terrace;
using namespace terrace::parts;

namespace {

struct Expanded {  // a host with an expander
  Machine machine;
  DeviceId host, cxl;
  explicit Expanded(const std::string& memory = "dram/cxl_256g.yaml",
                    const std::string& link = "link/cxl2_x8.yaml") {
    host = add(machine, "host", "host/xeon_8480.yaml");
    cxl = add(machine, "cxl", memory);
    join(machine, cxl, host, link);
  }
  FlowSpec read_flow(const std::string& tier, Seconds& latency, double run_length = 1e6) const {
    const TierId id = machine.find_tier(tier);
    return machine.transfer({machine.tier(id).device, id}, {host, none}, 1, run_length, none,
                            &latency);
  }
};

}  // namespace

TEST_CASE("a line behind CXL takes 284 ns where local memory takes 130", "[cxl][published]") {
  // CXL-DMSim, arXiv 2411.02282: local DDR5 130 ns, ASIC expander 284 ns. The model: 130 + 2 x (12
  // + 50 + 15).
  const Expanded machine;
  Seconds local, far;
  machine.read_flow("host.dram", local);
  machine.read_flow("cxl.dram", far);
  std::printf("CXL read %.0f ns, local %.0f ns, ratio %.2f (published 284, 130, 2.18)\n",
              far.value() * 1e9, local.value() * 1e9, ratio(far, local));
  INFO("local " << local.value() << " s, CXL " << far.value() << " s");
  CHECK(std::abs(percent_off(local.value(), 130e-9)) < 1);
  CHECK(std::abs(percent_off(far.value(), 284e-9)) < 1);
}

namespace {

double by_link(double lanes) { return lanes * 32e9 * 128 / 130 / 8 * 64 / 68 * 4 / 4.5; }

// The narrowest hop of a stream from the expander, bytes per second.
double streams(const Expanded& machine) {
  Seconds latency;
  const FlowSpec flow = machine.read_flow("cxl.dram", latency, 1e12);
  double rate = std::numeric_limits<double>::infinity();
  for (const Hop& hop : flow.hops)
    rate = std::min(
        rate,
        machine.machine.resources()[static_cast<std::size_t>(hop.resource)].capacity / hop.weight);
  return rate;
}

}  // namespace

TEST_CASE("an x8 expander streams what its narrower part allows", "[cxl][closed_form]") {
  const Expanded machine;
  const double memory =
      2 * 38.4e9 /
      machine.machine.weight(machine.machine.find_tier("cxl.dram"), Direction::read, 1e12);
  INFO("min(link " << by_link(8) / 1e9 << ", memory " << memory / 1e9 << ") GB/s, model "
                   << streams(machine) / 1e9);
  CHECK(memory < 2 * 38.4e9);
  CHECK(streams(machine) == Approx(std::min(by_link(8), memory)).epsilon(1e-6));
}

TEST_CASE("an x8 expander reaches 82 % of the same memory attached locally", "[cxl][published]") {
  // CXL-DMSim, arXiv 2411.02282: an ASIC expander reaches 82-83 % of the bandwidth that the same
  // DDR5 gives when it is attached to the CPU. It sets one channel of DDR5-4400. Ours is held
  // against the memory alone, which streams 96 % of its peak; what a CPU draws of it is less.
  const Expanded machine(
      "{extends: dram/cxl_256g.yaml, channels: 1, mega_transfers: 4400, dram: {extends: "
      "dram/host_ddr5_4800_x2.yaml, channels: 2, standard: {extends: dram/ddr5_4800.yaml, clock: "
      "455ps}}}");
  const double local =
      35.2e9 / machine.machine.weight(machine.machine.find_tier("cxl.dram"), Direction::read, 1e12);
  const double share = streams(machine) / local;
  std::printf("CXL / local = %.1f %% (published 82-83 %%): link %.1f of %.1f GB/s\n", share * 100,
              streams(machine) / 1e9, local / 1e9);
  INFO("CXL / local = " << share);
  CHECK(std::abs(share - 0.825) < 0.05);
}

TEST_CASE("reads and writes of an x8 expander add up to a CZ120's 36 GB/s", "[cxl][published]") {
  // Micron CZ120, product brief: up to 36 GB/s on x8. Two reads per write: memory-bound or
  // link-bound, whichever is first.
  const Expanded machine;
  Op reads, writes;
  reads.kind = writes.kind = OpKind::elementwise;
  reads.label = writes.label = "stream";
  reads.engine = writes.engine = machine.machine.find_engine("host.cpu");
  reads.reads(machine.machine.find_tier("cxl.dram"), 2e9);
  reads.writes(machine.machine.find_tier("cxl.dram"), 1e9);
  const double rate = 3e9 / run(machine.machine, {reads}) / 1e9;
  std::printf("CXL x8, two reads per write: %.1f GB/s (Micron CZ120: up to 36)\n", rate);
  INFO("model " << rate << " GB/s");
  CHECK(std::abs(percent_off(rate, 36)) < 15);
}
