// Near-bank units against published bandwidths.
#include <catch2/catch.hpp>
#include <cstdio>

#include "models/accel/near_bank.h"
#include "sim/config.h"
#include "tests/models/parts.h"

using namespace terrace;
using namespace terrace::parts;

namespace {

NearBankParams near_bank(const std::string& file) {
  Mistakes mistakes;
  const Node root = load_config(std::string(TERRACE_CONFIG_DIR) + "/accel/" + file, mistakes);
  Reader reader(mistakes);
  const auto params = read<NearBankParams>(*root.find("near_bank"), reader);
  mistakes.raise();
  return params;
}

}  // namespace

TEST_CASE("HBM-PIM has four times the bandwidth inside that its pins have", "[accel][published]") {
  // Kwon et al., ISSCC 2021: 1.23 TB/s inside and 1.2 TFLOP/s in fp16 for a stack with 307.2 GB/s
  // of pins. Form: 16 pseudo-channels x 8 units x 32 B / tCCD_L.
  const NearBankParams p = near_bank("hbm_pim.yaml");
  const double stack = p.peak().value() / p.stacks, form = 16 * 8 * 32 / 3.333e-9;
  std::printf(
      "HBM-PIM: %.1f GB/s a stack inside, %.2f x the pins (published 4), %.3f TFLOP/s; "
      "with rows and refresh %.2f x\n",
      stack / 1e9, ratio(p.peak(), p.pins), p.flops().value() / p.stacks / 1e12,
      ratio(p.streaming(), p.pins));
  CHECK(stack == Approx(form).epsilon(1e-9));
  CHECK(std::abs(percent_off(stack, 1228.8e9)) < 1);
  CHECK(std::abs(percent_off(ratio(p.peak(), p.pins), 4)) < 1);
  CHECK(std::abs(percent_off(p.flops().value() / p.stacks, 1.2288e12)) < 1);
}

TEST_CASE(
    "AttAcc's units at banks, bank groups and on the buffer die get 9, 3 and 1 times the pins",
    "[accel][published]") {
  // Park et al., ASPLOS 2024, under the DRAM power constraint (simulator, src/config.py BW_SCALE).
  const struct {
    const char* file;
    double published, tolerance;  // %
  } rows[] = {
      {"attacc.yaml", 9, 5}, {"attacc_bank_group.yaml", 3, 15}, {"attacc_buffer.yaml", 1, 5}};
  for (const auto& row : rows) {
    const NearBankParams p = near_bank(row.file);
    // Refresh stops pins and banks alike.
    const double got = ratio(p.streaming(), p.pins) / p.refresh;
    std::printf("%s: %.2f x the pins (published %.0f), peak %.2f\n", row.file, got, row.published,
                ratio(p.peak(), p.pins));
    INFO(row.file << " " << got << " against " << row.published);
    CHECK(std::abs(percent_off(got, row.published)) < row.tolerance);
  }
}

TEST_CASE("without the power constraint AttAcc's banks give sixteen times the pins",
          "[accel][published]") {
  // Park et al., ASPLOS 2024: 2 ranks x 4 bank groups x 4 banks / 2 (tCCD_L over tCCD_S).
  NearBankParams p = near_bank("attacc.yaml");
  p.column_interval = Seconds(4 * 0.7692e-9);
  INFO(ratio(p.peak(), p.pins));
  CHECK(std::abs(percent_off(ratio(p.peak(), p.pins), 16)) < 1);
}
