// Bandwidth and latency of Ramulator 2.1 for the same pattern, mapping, scheduler and queue depth.
#include "tests/validate/check_rows.h"

using namespace terrace::validate::test;

TEST_CASE("HBM3 with RoBaRaCoCh, FR-FCFS and queues of 32 gives Ramulator's bandwidth and latency",
          "[dram][published]") {
  CHECK(check_rows("dram_ramulator", "HBM3 field order").size() == 8);
}

TEST_CASE("HBM3 with MOP4CLXOR, FR-FCFS and queues of 32 gives Ramulator's bandwidth and latency",
          "[dram][published]") {
  CHECK(check_rows("dram_ramulator", "HBM3 MOP").size() == 8);
}

TEST_CASE(
    "HBM3 with MOP4CLXOR, row hits first and a queue of 128 gives Ramulator's bandwidth and "
    "latency",
    "[dram][published]") {
  CHECK(check_rows("dram_ramulator", "HBM3 row hits first").size() == 8);
}

TEST_CASE("HBM3 without refresh gives Ramulator's 99.5 % of a stream and 32.1 % at random",
          "[dram][published]") {
  check_rows("dram_ramulator", "HBM3 without refresh");
}

TEST_CASE("an unloaded chase in HBM3 takes Ramulator's 34.1 ns", "[dram][published]") {
  check_rows("dram_ramulator", "chase");
}

TEST_CASE("HBM2 with MOP4CLXOR, FR-FCFS and queues of 32 gives Ramulator's bandwidth and latency",
          "[dram][published]") {
  check_rows("dram_ramulator", "HBM2");
  check_rows("dram_ramulator", "HBM2 DRAMSys");
}

TEST_CASE(
    "random gathers in HBM3 get Ramulator's share of peak at each of seven run lengths, two "
    "mappings and two schedulers, within the closed form",
    "[dram][published]") {
  CHECK(check_rows("dram_ramulator", "gathers").size() == 28);
}

TEST_CASE("sixteen HBM3 channels stream at Ramulator's 81.8 % and gather at 28.7 %",
          "[dram][published]") {
  check_rows("dram_ramulator", "stack");
}

TEST_CASE("per-bank refresh raises the bandwidth of a stream", "[dram][published]") {
  const auto rows = check_rows("dram_ramulator", "per-bank refresh");
  const auto& all = row_of(rows, "HBM3, stream with all-bank refresh");
  const auto& one = row_of(rows, "HBM3, stream with per-bank refresh");
  CHECK(one.simulated > all.simulated + 5);
}
