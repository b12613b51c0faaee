// Gathers out of host memory by a kernel's own loads: nothing fitted.
#include "tests/validate/check_rows.h"

using namespace terrace::validate::test;

TEST_CASE("kernels gather rows of 47 B to 1.4 KB over PCIe 4 within 10 % of an A100",
          "[pcie][burst][published]") {
  CHECK(check_rows("zero_copy", "gathers").size() == 4);
}
