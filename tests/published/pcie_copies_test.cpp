// PCIe 5 copies of an H200 NVL, packet by packet: one parameter set, fitted on 4 KB and 64 KB.
#include <catch2/catch.hpp>
#include <cstdio>

#include "tests/models/link/link_bench.h"

using namespace terrace;
using namespace terrace::parts;

namespace {
const char* const config = "link/pcie5_x16_burst.yaml";
}

TEST_CASE("pipelined PCIe 5 copies are within 10 % of an H200 NVL at every size",
          "[pcie][burst][published]") {
  // GB/s, device to host and host to device. 4 KB gave the issue time and 64 KB the engine's time,
  // one value each for both directions; all else is framing. Bound: 63.0 GB/s less headers.
  struct Row {
    std::uint32_t bytes;
    double out, in;
  };
  const Row rows[] = {{4096, 1.50, 1.45},    {65536, 20.7, 18.5},    {1048576, 48.8, 49.0},
                      {4194304, 54.0, 50.6}, {16777216, 55.9, 56.7}, {67108864, 56.2, 53.5}};
  const double raw = 16 * 32e9 * 128 / 130 / 8 * 370 / 371;
  const double out_bound = raw * 256 / 280 / 1e9, in_bound = raw * 512 / (2 * 276 + 16) / 1e9;
  for (const Row& r : rows) {
    const std::uint32_t transfers = r.bytes < 1u << 20 ? 100 : 16;
    const double out = rate_of(config, r.bytes, 0, 8, transfers) / 1e9;
    const double in = rate_of(config, r.bytes, 1, 8, transfers) / 1e9;
    std::printf(
        "PCIe 5 x16 packets, %8u B: D2H %6.2f of %6.2f GB/s (%+5.1f %%), H2D %6.2f of %6.2f "
        "(%+5.1f "
        "%%); bounds %.2f, %.2f\n",
        r.bytes, out, r.out, percent_off(out, r.out), in, r.in, percent_off(in, r.in), out_bound,
        in_bound);
    INFO(r.bytes << " B: D2H " << out << " of " << r.out << ", H2D " << in << " of " << r.in);
    CHECK(std::abs(percent_off(out, r.out)) < 10);
    CHECK(std::abs(percent_off(in, r.in)) < 10);
    CHECK(out < out_bound);
    CHECK(in < in_bound);
  }
}

TEST_CASE("single PCIe 5 copies take what they take on an H200 NVL", "[pcie][burst][published]") {
  // Median of one copy that the host waits for; 4 KB gave the cost of waiting. 16 MB: 305-310 us.
  const std::pair<std::uint32_t, double> rows[] = {
      {4096, 11.5e-6}, {65536, 12.5e-6}, {1048576, 30.5e-6}, {16777216, 307.5e-6}};
  for (const auto& [bytes, measured] : rows) {
    const double out = seconds_of(config, bytes, Direction::write);
    const double in = seconds_of(config, bytes, Direction::read);
    std::printf(
        "PCIe 5 x16 packets, one copy of %8u B: D2H %6.2f, H2D %6.2f of %6.2f us (%+5.1f, "
        "%+5.1f %%)\n",
        bytes, out * 1e6, in * 1e6, measured * 1e6, percent_off(out, measured),
        percent_off(in, measured));
    CHECK(std::abs(percent_off(out, measured)) < 10);
    CHECK(std::abs(percent_off(in, measured)) < 10);
  }
}
