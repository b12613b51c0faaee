// The L2 staircases of published micro-benchmarks: latency and bandwidth against footprint.
#include "tests/validate/check_rows.h"

using namespace terrace::validate::test;

TEST_CASE("a chase on an A100 climbs from the near L2 over the far one to memory within 10 %",
          "[sram][published]") {
  check_rows("l2_staircase", "A100 latency");
}

TEST_CASE("the whole stair of an A100's latency is within 10 %", "[sram][published][long]") {
  CHECK(check_rows("l2_staircase", "A100 latency, whole stair").size() == 12);
}

TEST_CASE("all SMs of an A100 read its L2 at 5.4 TB/s and memory past 44 MB, within 10 %",
          "[sram][published]") {
  check_rows("l2_staircase", "A100 bandwidth");
}

TEST_CASE("the whole cliff of an A100's L2 bandwidth is within 10 %", "[sram][published][long]") {
  CHECK(check_rows("l2_staircase", "A100 bandwidth, whole cliff").size() == 8);
}

TEST_CASE("a chase on a V100 has one stair, where its 6 MiB end", "[sram][published]") {
  check_rows("l2_staircase", "V100 latency");
}

TEST_CASE("a chase on an H100 PCIe takes 265 cycles near, 467 to 485 where the far half answers",
          "[sram][published]") {
  check_rows("l2_staircase", "H100 PCIe latency");
}

TEST_CASE("an L40 reads 5.2 TB/s from 92 MB and memory's bandwidth from 145 MB",
          "[sram][published][long]") {
  check_rows("l2_staircase", "L40 bandwidth");
}
