// RoCE v2 on 100 Gbit/s Ethernet: writes that were measured.
#include "tests/validate/check_rows.h"

using namespace terrace::validate::test;

TEST_CASE("RoCE writes reach 95.2 and 97.5 Gbit/s of 100 with frames of 2 and 4 KiB",
          "[ethernet][burst][published]") {
  CHECK(check_rows("ethernet_roce", "writes").size() == 2);
}
