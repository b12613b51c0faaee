// Energy of a bit, by command, against published figures.
#include "tests/validate/check_rows.h"

using namespace terrace::validate::test;

TEST_CASE("a stream of HBM3 spends 3.59 pJ/bit, split as AttAcc splits it", "[dram][published]") {
  const auto rows = check_rows("dram_energy", "HBM3 stream");
  double parts = 0;  // what is left of the whole is refresh
  for (const auto& row : rows) parts += row.simulated;
  CHECK(2 * rows[0].simulated > parts);
}

TEST_CASE("a stream of HBM2 spends 3.97 pJ/bit", "[dram][published]") {
  check_rows("dram_energy", "HBM2 stream");
}

TEST_CASE("random bursts spend clearly more, as each opens a row of its own", "[dram][published]") {
  check_rows("dram_energy", "random");
}
