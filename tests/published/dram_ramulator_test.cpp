// Bandwidth and latency of Ramulator 2.1 for the same pattern, mapping, scheduler and queue depth,
// measured with that program: 2 M requests, all-bank refresh. Its queue of 128 holds 128 reads and
// 64 writes.
#include "models/dram/bounds.h"
#include "tests/models/dram/dram_parts.h"

using namespace terrace;
using namespace terrace::dram;
using namespace terrace::dram::test;

namespace {

const std::string fields = "mapping: {kind: field_order, order: RoBaRaCoCh}";
const std::string deep = "scheduler: row_hit_first, read_queue: 128, write_queue: 64";

std::string hbm3(const std::string& with) {
  return "{extends: hbm3_channel.yaml" + (with.empty() ? "" : ", " + with) + "}";
}

struct Cell {
  const char* name;
  BurstPattern pattern;
  double percent, latency;  // of Ramulator 2.1
};

void compare(const std::string& yaml, const std::vector<Cell>& cells) {
  for (const Cell& cell : cells) {
    const auto d = device(yaml);
    const BurstMeasurement m = drive(*d, cell.pattern, 60000, 6000);
    const double percent = 100 * m.share_of_peak, latency = nanoseconds(m.latency_mean);
    INFO(yaml << ", " << cell.name << ": " << percent << " % of peak, Ramulator " << cell.percent
              << "; " << latency << " ns, Ramulator " << cell.latency);
    CHECK(percent == Approx(cell.percent).margin(3));
    CHECK(latency == Approx(cell.latency).epsilon(0.1));
  }
}

}  // namespace

TEST_CASE("HBM3 with RoBaRaCoCh, FR-FCFS and queues of 32 gives Ramulator's bandwidth and latency",
          "[dram][published]") {
  compare(hbm3(fields), {{"stream", stream(), 42.0, 62},
                         {"random", gather(32), 28.9, 103},
                         {"mix stream", stream(2.0 / 3), 38.7, 92},
                         {"mix random", gather(32, 2.0 / 3), 26.5, 147}});
}

TEST_CASE("HBM3 with MOP4CLXOR, FR-FCFS and queues of 32 gives Ramulator's bandwidth and latency",
          "[dram][published]") {
  compare(hbm3(""), {{"stream", stream(), 82.0, 39},
                     {"random", gather(32), 28.9, 103},
                     {"mix stream", stream(2.0 / 3), 54.5, 69},
                     {"mix random", gather(32, 2.0 / 3), 26.5, 147}});
}

TEST_CASE(
    "HBM3 with MOP4CLXOR, row hits first and a queue of 128 gives Ramulator's bandwidth and "
    "latency",
    "[dram][published]") {
  compare(hbm3(deep), {{"stream", stream(), 88.8, 105},
                       {"random", gather(32), 29.3, 306},
                       {"mix stream", stream(2.0 / 3), 67.6, 192},
                       {"mix random", gather(32, 2.0 / 3), 28.5, 455}});
}

TEST_CASE("HBM3 without refresh gives Ramulator's 99.5 % of a stream and 32.1 % at random",
          "[dram][published]") {
  CHECK(percent(hbm3(deep + ", refresh: none"), stream()) == Approx(99.5).margin(3));
  CHECK(percent(hbm3(deep + ", refresh: none"), gather(32)) == Approx(32.1).margin(3));
}

TEST_CASE("an unloaded chase in HBM3 takes Ramulator's 34.1 ns", "[dram][published]") {
  const auto d = device(hbm3(""));
  BurstPattern chase = gather(32);
  chase.outstanding = 1;
  const double p50 = nanoseconds(drive(*d, chase, 20000).latency_p50);
  INFO(p50 << " ns");
  CHECK(p50 == Approx(34.1).epsilon(0.1));
}

TEST_CASE("HBM2 with MOP4CLXOR, FR-FCFS and queues of 32 gives Ramulator's bandwidth and latency",
          "[dram][published]") {
  const std::string yaml = "{kind: dram, standard: hbm2.yaml, mapping: mop, scheduler: frfcfs}";
  compare(yaml, {{"stream", stream(), 87.1, 52}, {"random", gather(32), 30.1, 136}});
  // DRAMSys 5.1 reads the same stream at 87.05 %.
  CHECK(percent(yaml, stream()) == Approx(87.05).margin(3));
}

TEST_CASE(
    "random gathers in HBM3 get Ramulator's share of peak at each of seven run lengths, two "
    "mappings and two schedulers, within the closed form",
    "[dram][published]") {
  const std::uint64_t runs[] = {32, 64, 128, 256, 512, 1024, 4096};
  struct Row {
    std::string with;
    double percent[7];
  };
  const Row rows[] = {
      {fields, {28.8, 44.9, 44.2, 42.4, 39.7, 35.8, 40.1}},
      {fields + ", " + deep, {29.2, 58.6, 82.6, 80.5, 73.9, 64.9, 72.6}},
      {"", {28.9, 29.6, 29.6, 46.8, 49.0, 51.5, 55.3}},
      {deep, {29.3, 29.3, 29.3, 59.2, 85.8, 85.7, 87.5}},
  };
  for (const Row& row : rows)
    for (int i = 0; i < 7; ++i) {
      const std::string yaml = hbm3(row.with);
      const DramParams p = params(yaml);
      BoundPattern pattern;
      pattern.bytes_per_row = bytes_per_row(p, runs[i]);
      const double bound = 100 * bounds(p.standard, "all_bank", pattern).least();
      const double got = percent(yaml, gather(runs[i]), 30000);
      INFO(yaml << ", runs of " << runs[i] << " B: " << got << " %, Ramulator " << row.percent[i]
                << ", bound " << bound);
      CHECK(got == Approx(row.percent[i]).margin(3));
      CHECK(got < bound * 1.02);
    }
}

TEST_CASE("sixteen HBM3 channels stream at Ramulator's 81.8 % and gather at 28.7 %",
          "[dram][published]") {
  const std::string stack = hbm3("channels: 16");
  CHECK(percent(stack, stream(), 200000) == Approx(81.8).margin(3));
  CHECK(percent(stack, stream(2.0 / 3), 200000) == Approx(54.2).margin(3));
  // Uniform addresses fill sixteen queues unevenly, and one full queue holds up the rest.
  const double random = percent(stack, gather(32), 150000);
  INFO(random << " %");
  CHECK(random == Approx(28.7).margin(3));
}

TEST_CASE("per-bank refresh raises the bandwidth of a stream", "[dram][published]") {
  // DRAMSys says so; Ramulator 2.1 too (99.3 %) once a pending REFpb blocks no other bank.
  const double all = percent(hbm3(deep), stream()),
               one = percent(hbm3(deep + ", refresh: per_bank"), stream());
  INFO(all << " % with all-bank refresh, " << one << " % with per-bank refresh");
  CHECK(one > all + 5);
  CHECK(one == Approx(99.3).margin(3));
}
