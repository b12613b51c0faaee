// Bandwidth of GPU memories against measurements: one controller, one set of parameters for each
// memory generation.
#include "tests/validate/check_rows.h"

using namespace terrace::validate::test;

TEST_CASE("a device-to-device copy in the HBM3 of an H100 SXM reaches 88 to 91 % of peak",
          "[dram][published][silicon]") {
  check_rows("dram_silicon", "H100 SXM");
}

TEST_CASE(
    "HBM2E writes and triads as on the A100 80 GB and the H100 PCIe, and reads as on the "
    "H100 PCIe",
    "[dram][published][silicon]") {
  CHECK(check_rows("dram_silicon", "HBM2E").size() == 5);
}

TEST_CASE("the A100's reads are not bound by its memory", "[dram][published][silicon]") {
  // What the A100 has in flight bounds its reads: a row that misses its target of 4 points. The
  // memory alone gives more.
  for (const auto& row : rows_of("dram_silicon", "A100 read")) {
    CHECK(row.simulated > row.reference);
    check_bound(row);
  }
}

TEST_CASE("HBM2 as on the V100", "[dram][published][silicon]") {
  CHECK(check_rows("dram_silicon", "HBM2").size() == 4);
}

TEST_CASE("GDDR6 as on the A40 and the L40", "[dram][published][silicon]") {
  CHECK(check_rows("dram_silicon", "GDDR6").size() == 8);
}
