// CXL memory expanders that were measured: latency, share of local DDR, best mix.
#include "tests/validate/check_rows.h"

using namespace terrace::validate::test;

TEST_CASE("a CXL ASIC expander answers in 2.18 times the latency of local DDR5",
          "[cxl][burst][published]") {
  check_rows("cxl_expander", "latency");
}

TEST_CASE("a CXL ASIC expander gives 82-83 % of the bandwidth of local DDR5",
          "[cxl][burst][published]") {
  check_rows("cxl_expander", "bandwidth");
}

TEST_CASE("an x8 expander with enough DRAM reaches the 36 GB/s of a Micron CZ120",
          "[cxl][burst][published]") {
  check_rows("cxl_expander", "mix");
}
