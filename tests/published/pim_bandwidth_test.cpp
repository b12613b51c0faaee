// Near-bank units against published bandwidths.
#include "tests/validate/check_rows.h"

using namespace terrace::validate::test;

TEST_CASE("HBM-PIM has four times the bandwidth inside that its pins have", "[accel][published]") {
  const auto rows = check_rows("pim_bandwidth", "HBM-PIM");
  const auto& inside = row_of(rows, "HBM-PIM, a stack inside");
  CHECK(inside.simulated == Approx(inside.bound->value).epsilon(1e-9));
}

TEST_CASE(
    "AttAcc's units at banks, bank groups and on the buffer die get 9, 3 and 1 times the pins",
    "[accel][published]") {
  CHECK(check_rows("pim_bandwidth", "AttAcc").size() == 3);
}

TEST_CASE("without the power constraint AttAcc's banks give sixteen times the pins",
          "[accel][published]") {
  check_rows("pim_bandwidth", "AttAcc without power limit");
}
