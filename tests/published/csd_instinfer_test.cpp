// Claims about computational drives: InstInfer (arXiv 2409.04992) and HILOS's SmartSSD.
#include "tests/validate/check_rows.h"

using namespace terrace::validate::test;

TEST_CASE("InstInfer's drive gives 11.2 GB/s inside and 7 GB/s outside", "[csd][published]") {
  const auto rows = check_rows("csd_instinfer", "rates");
  const auto& inside = row_of(rows, "InstInfer, inside");
  CHECK(inside.simulated > inside.bound->value * 0.99);
}

TEST_CASE("its engine keeps 12.7 GFLOP/s: min(inside, engine / FLOP per byte)",
          "[csd][published]") {
  CHECK(check_rows("csd_instinfer", "engine").size() == 4);
}

TEST_CASE("the SmartSSD gives its kernels no more than the host: 3 GB/s", "[csd][published]") {
  check_rows("csd_instinfer", "SmartSSD");
}
