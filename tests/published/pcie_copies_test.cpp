// PCIe 5 copies of an H200 NVL, packet by packet: one parameter set, fitted on 4 KB and 64 KB.
#include "tests/validate/check_rows.h"

using namespace terrace::validate::test;

TEST_CASE("pipelined PCIe 5 copies are within 10 % of an H200 NVL at every size",
          "[pcie][burst][published]") {
  CHECK(check_rows("pcie_copies", "pipelined").size() == 12);
}

TEST_CASE("single PCIe 5 copies take what they take on an H200 NVL", "[pcie][burst][published]") {
  CHECK(check_rows("pcie_copies", "single").size() == 8);
}
