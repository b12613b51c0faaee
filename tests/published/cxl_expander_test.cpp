// CXL memory expanders that were measured: latency, share of local DDR, best mix.
#include <catch2/catch.hpp>
#include <cstdio>

#include "tests/models/link/link_bench.h"

using namespace terrace;
using namespace terrace::parts;

namespace {
const char* const config = "link/cxl2_x8_burst.yaml";
}

TEST_CASE("a CXL ASIC expander answers in 2.18 times the latency of local DDR5",
          "[cxl][burst][published]") {
  // CXL-DMSim, arXiv 2411.02282: 284 ns against 130 ns.
  const double got = seconds_of(config, 64, Direction::read);
  const double sum = 130e-9 + 2 * (12e-9 + 50e-9 + 15e-9);  // without flits and DRAM burst
  std::printf("CXL x8: %.1f of 284 ns (%+.1f %%), sum of its parts %.1f ns\n", got * 1e9,
              percent_off(got, 284e-9), sum * 1e9);
  CHECK(got > sum);
  CHECK(std::abs(percent_off(got, 284e-9)) < 5);
}

TEST_CASE("a CXL ASIC expander gives 82-83 % of the bandwidth of local DDR5",
          "[cxl][burst][published]") {
  // arXiv 2411.02282. Local: the same DDR without a link, 31.7 GB/s.
  const double local = 31.7e9;
  const double bound = 8 * 32e9 * 128 / 130 / 8 * 64 / 68 * 4 / 4.5;  // slots of a x8 link
  const double got = rate_of(config, 64, 1, 256, 10000);
  std::printf("CXL x8 reads: %.2f GB/s, %.1f %% of local DDR (82-83 %%), bound %.2f GB/s\n",
              got / 1e9, 100 * got / local, bound / 1e9);
  CHECK(got < bound * 1.001);
  CHECK(std::abs(100 * got / local - 82.5) < 3);
}

TEST_CASE("an x8 expander with enough DRAM reaches the 36 GB/s of a Micron CZ120",
          "[cxl][burst][published]") {
  // Micron CZ120 product brief: up to 36 GB/s on x8, of two reads and a write. Two channels of
  // DDR5-4800 at 90 %.
  const double slots = 8 * 32e9 * 128 / 130 / 8 / 68 * 4;
  const double bound = 3 * 64 * slots / 9.5;  // back: two lines of 4.5 slots and a response
  const double got =
      rate_of("{extends: link/cxl2_x8_burst.yaml, memory_rate: 69GB/s}", 64, 2 / 3.0, 256, 10000);
  std::printf("CXL x8 two reads to a write: %.2f GB/s of 36, bound %.2f\n", got / 1e9, bound / 1e9);
  CHECK(got < bound * 1.01);
  CHECK(std::abs(percent_off(got, 36e9)) < 5);
}
