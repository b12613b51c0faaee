// Claims about drives: MQSim's runs, write amplification of greedy cleaning, two drives as sold.
#include "tests/validate/check_rows.h"
#include "validate/device/flash_drive.h"

using namespace terrace::validate;
using namespace terrace::validate::test;

TEST_CASE("the closed form of greedy cleaning has its published values", "[flash][published]") {
  // Xiang and Kurkoski: 2.36 for large blocks at 30 % over-provisioning (of the logical space).
  CHECK(greedy_cleaning(1.3, 1e6) == Approx(2.36).epsilon(0.005));
}

TEST_CASE("one set of parameters gives all of MQSim's rows", "[flash][published]") {
  CHECK(check_rows("flash_drives", "MQSim").size() == 10);
}

TEST_CASE("write amplification is that of greedy cleaning", "[flash][published]") {
  CHECK(check_rows("flash_drives", "write amplification").size() == 10);
}

TEST_CASE("a PM9A3 reads at 6.9 and writes at 4.1 GB/s", "[flash][published]") {
  check_rows("flash_drives", "PM9A3");
}

TEST_CASE("an NM790 reads 20.2k pages a second at depth 1 and 133k at depth 8",
          "[flash][published]") {
  check_rows("flash_drives", "NM790");
}
