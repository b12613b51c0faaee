// The L2 staircases of published micro-benchmarks (te42kyfo/gpu-benches): latency and bandwidth
// against footprint.
#include <catch2/catch.hpp>

#include "tests/models/sram/l2_walks.h"

using namespace terrace;
using namespace terrace::sram_test;

namespace {

struct Stair {
  double kib, measured;
};

void check(double got, const Stair& step, double percent, const char* unit) {
  INFO(step.kib << " KiB: " << got << " " << unit << ", measured " << step.measured << ", "
                << parts::percent_off(got, step.measured) << " %");
  CHECK(std::abs(parts::percent_off(got, step.measured)) < percent);
}

std::uint64_t bytes(double kib) { return static_cast<std::uint64_t>(kib * 1024) / 128 * 128; }

void climb(const std::string& file, const std::vector<Stair>& steps, double megahertz,
           double percent) {
  for (const Stair& step : steps) {
    const auto d = device(file, "requesters: one_partition");
    check(chase(*d, bytes(step.kib), 3) * megahertz / 1000, step, percent, "cycles");
  }
}

}  // namespace

TEST_CASE("a chase on an A100 climbs from the near L2 over the far one to memory within 10 %",
          "[sram][published]") {
  climb("sram/a100_l2.yaml", {{2016, 211}, {16482, 211}, {24136, 345.3}, {35343, 424.3}}, 1410, 10);
}

TEST_CASE("the whole stair of an A100's latency is within 10 %", "[sram][published][long]") {
  climb("sram/a100_l2.yaml",
        {{18132, 211.3},
         {21941, 289.6},
         {26551, 377},
         {29207, 407.5},
         {32129, 424.5},
         {38878, 423},
         {42767, 443.6},
         {47045, 483.7},
         {51750, 503.7},
         {56926, 532.7},
         {62620, 567.3},
         {125026, 570.2}},
        1410, 10);
}

TEST_CASE("all SMs of an A100 read its L2 at 5.4 TB/s and memory past 44 MB, within 10 %",
          "[sram][published]") {
  for (const Stair& step : {Stair{4096, 5466.9}, Stair{18432, 5435.9}, Stair{63488, 1894.6}}) {
    const auto d = device("sram/a100_l2.yaml");
    check(stream(*d, bytes(step.kib), step.kib > 40000 ? 2 : 4), step, 10, "GB/s");
  }
}

TEST_CASE("the whole cliff of an A100's L2 bandwidth is within 10 %", "[sram][published][long]") {
  for (const Stair& step :
       {Stair{25600, 5376.2}, Stair{28160, 5170.5}, Stair{30720, 3999.5}, Stair{33792, 3621.8},
        Stair{36864, 3004}, Stair{40448, 2462}, Stair{44032, 2188}, Stair{48128, 2026.5}}) {
    const auto d = device("sram/a100_l2.yaml");
    check(stream(*d, bytes(step.kib), 8, 2), step, 10, "GB/s");
  }
}

TEST_CASE("a chase on a V100 has one stair, where its 6 MiB end", "[sram][published]") {
  climb("sram/v100_l2.yaml", {{1029, 215}, {6984, 354.5}, {8453, 412.7}, {56926, 437}}, 1380, 10);
}

TEST_CASE("a chase on an H100 PCIe takes 265 cycles near, 467 to 485 where the far half answers",
          "[sram][published]") {
  // te42kyfo/gpu-benches, H100 PCIe at 1755 MHz; 39 to 52 MB.
  climb("sram/h100_l2.yaml", {{20000, 265}, {40000, 476}}, 1755, 10);
}

TEST_CASE("an L40 reads 5.2 TB/s from 92 MB and memory's bandwidth from 145 MB",
          "[sram][published][long]") {
  for (const Stair& step : {Stair{83456, 5251.3}, Stair{145408, 845.8}, Stair{193024, 845.4}}) {
    const auto d = device("sram/l40s_l2.yaml");
    check(stream(*d, bytes(step.kib), 2), step, 10, "GB/s");
  }
}
