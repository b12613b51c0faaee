// CXL.mem line by line against the arithmetic of its slots and queues.
#include <catch2/catch.hpp>

#include "tests/models/link/link_bench.h"

using namespace terrace;
using namespace terrace::parts;

namespace {

constexpr double gen5_lane = 32e9 * 128 / 130 / 8;

// Slots per second of a direction: four of 16 B in 68, fifteen in 256.
double slots(double wire, int flit) { return wire / flit * (flit == 68 ? 4 : 15); }

}  // namespace

TEST_CASE("a CXL line takes four data slots and its share of a header at burst level",
          "[cxl][burst][closed_form]") {
  struct Case {
    int lanes, generation, flit;
  };
  for (const Case& c : {Case{8, 5, 68}, Case{16, 5, 68}, Case{8, 5, 256}, Case{8, 6, 256}}) {
    const double wire = c.lanes * (c.generation == 5 ? gen5_lane : 8e9);
    const std::string link =
        "{kind: cxl_link, version: 3.0, memory_rate: 1TB/s, link_fifo: 1024, device_fifo: 1024, "
        "lanes: " +
        std::to_string(c.lanes) + ", generation: " + std::to_string(c.generation) +
        ", flit: " + std::to_string(c.flit) + "}";
    const double s = slots(wire, c.flit) * 64;
    // Reads: 4.5 slots back. Writes: 5 out. Two reads and a write: 9.5 back, 7 out. One and one:
    // 5 back, 6 out.
    const std::tuple<const char*, double, double> rows[] = {{"reads", 1, s / 4.5},
                                                            {"writes", 0, s / 5},
                                                            {"two to one", 2 / 3.0, 3 * s / 9.5},
                                                            {"one to one", 0.5, 2 * s / 6}};
    for (const auto& [name, share, bound] : rows) {
      const double got = rate_of(link, 64, share, 1000, 8000);
      INFO("x" << c.lanes << " gen " << c.generation << " flit " << c.flit << " " << name
               << ": bound " << bound / 1e9 << ", simulated " << got / 1e9 << " GB/s");
      CHECK(got < bound * 1.005);
      CHECK(got > bound * 0.97);
    }
  }
}

TEST_CASE("outstanding lines = bandwidth x round trip / 64 B", "[cxl][burst][closed_form]") {
  const std::string link = "link/cxl2_x8_burst.yaml";
  const double trip = seconds_of(link, 64, Direction::read);
  const double bound = 8 * gen5_lane * 64 / 68 * 4 / 4.5;
  const double needed = bound * trip / 64;  // 120 lines
  INFO("round trip " << trip * 1e9 << " ns, " << needed << " lines");
  for (const std::uint32_t lines : {1u, 16u, 64u, 96u}) {
    const double got = rate_of(link, 64, 1, lines, 4000);
    INFO(lines << " lines: " << lines * 64 / trip / 1e9 << ", simulated " << got / 1e9);
    CHECK(got == Approx(lines * 64 / trip).epsilon(0.02));
  }
  CHECK(rate_of(link, 64, 1, 2 * static_cast<std::uint32_t>(needed), 8000) ==
        Approx(bound).epsilon(0.01));
}

TEST_CASE("the queues of a CXL link bound what is under way", "[cxl][burst][closed_form]") {
  // The host's queue holds a line from the port to the port, without the host's own 80 ns.
  const double port = 2 * (12e-9 + 50e-9 + 15e-9) + 50e-9;
  const double wire = 3 * 68 / (8 * gen5_lane) + 64 / 31.7e9;
  const double got = rate_of("{kind: cxl_link, link_fifo: 16}", 64, 1, 200, 4000);
  INFO("16 lines / " << (port + wire) * 1e9 << " ns, simulated " << got / 1e9 << " GB/s");
  CHECK(got == Approx(16 * 64 / (port + wire)).epsilon(0.02));
  // The device's queue holds it while its memory serves it.
  const double served = rate_of("{kind: cxl_link, device_fifo: 4}", 64, 1, 200, 4000);
  CHECK(served == Approx(4 * 64 / (50e-9 + 64 / 31.7e9)).epsilon(0.05));
}

TEST_CASE("a CXL switch is passed twice", "[cxl][burst][closed_form]") {
  const double without = seconds_of("link/cxl2_x8_burst.yaml", 64, Direction::read);
  const double with =
      seconds_of("{extends: link/cxl2_x8_burst.yaml, switches: 1}", 64, Direction::read);
  CHECK(with - without == Approx(200e-9).epsilon(1e-6));
}

TEST_CASE("a CXL link refuses what its version does not have", "[cxl][burst]") {
  const auto refuses = [](const std::string& yaml, const std::string& what) {
    CHECK_THROWS_WITH(chosen<BurstDevice>("{kind: cxl_link, " + yaml + "}"), Catch::Contains(what));
  };
  refuses("version: 3.0, generation: 6, flit: 68", "member.flit: 64 GT/s needs flits of 256 B");
  refuses("version: 2.0, flit: 256", "member.flit: flits of 256 B came with CXL 3.0");
  refuses("version: 2.0, generation: 6, flit: 256", "member.generation: 64 GT/s came with CXL 3.0");
  refuses("version: 1.1, switches: 1", "member.switches: CXL 1.1 has none");
  refuses("version: 2.0, switches: 2", "member.switches: CXL 2.0 has one level of them");
  refuses("version: 2.5", "member.version");
  refuses("lanes: 3", "member.lanes");
  refuses("flit: 528", "member.flit");
  refuses("link_fifo: 0", "member.link_fifo");
  refuses("device_fifo: 0", "member.device_fifo");
  refuses("read_reply_slots: 0.6", "member.read_reply_slots: must be a multiple of 0.25");
}

TEST_CASE("every shipped CXL link is read", "[cxl][burst]") {
  for (const char* file : {"link/cxl1_x8_burst.yaml", "link/cxl2_x8_burst.yaml",
                           "link/cxl2_x16_burst.yaml", "link/cxl3_x8_burst.yaml"})
    CHECK(rate_of(file, 64, 1, 256, 2000) > 20e9);
}
