// RoCE v2 on 100 Gbit/s Ethernet: writes that were measured.
#include <catch2/catch.hpp>
#include <cstdio>

#include "tests/models/link/link_bench.h"

using namespace terrace;
using namespace terrace::parts;

TEST_CASE("RoCE writes reach 95.2 and 97.5 Gbit/s of 100 with frames of 2 and 4 KiB",
          "[ethernet][burst][published]") {
  // J. Synchrotron Rad. 27 (2020) 1297, doi 10.1107/S1600577520008140, table 2, RoCE v2 WRITE.
  const std::pair<int, double> rows[] = {{2048, 95.2}, {4096, 97.5}};
  for (const auto& [mtu, measured] : rows) {
    const double bound = 100.0 * mtu / (mtu + 82);
    const double got =
        rate_of("{extends: link/roce_100g_burst.yaml, mtu: " + std::to_string(mtu) + "B}", 1u << 20,
                0, 4, 16) *
        8 / 1e9;
    std::printf("RoCE, MTU %d: %.2f of %.1f Gbit/s (%+.1f %%), bound %.2f\n", mtu, got, measured,
                percent_off(got, measured), bound);
    CHECK(got < bound * 1.0001);
    CHECK(std::abs(percent_off(got, measured)) < 1.5);
  }
}
