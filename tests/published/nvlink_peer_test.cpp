// NVLink between GPUs: copies that were measured.
#include "tests/validate/check_rows.h"

using namespace terrace::validate::test;

TEST_CASE("a link of 25 GB/s carries about 20 GB/s in packets of 128 B",
          "[nvlink][burst][published]") {
  check_rows("nvlink_peer", "NVLink 3 kernels");
}

TEST_CASE("H100 copies reach 380 GB/s one way and 749 GB/s both ways over NVLink",
          "[nvlink][burst][published]") {
  check_rows("nvlink_peer", "H100");
}

TEST_CASE("A100 copies reach 518 GB/s both ways over NVLink", "[nvlink][burst][published]") {
  check_rows("nvlink_peer", "A100");
}
