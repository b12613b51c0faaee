// Impossible DRAM standards: one clear mistake each, at the key that is wrong.
#include "tests/models/dram/dram_parts.h"

using namespace terrace;
using namespace terrace::dram;
using namespace terrace::dram::test;

namespace {

std::string mistakes_of(const std::string& yaml) {
  try {
    standard(yaml);
  } catch (const ConfigError& error) {
    REQUIRE(error.mistakes().size() == 1);
    return error.mistakes()[0].path + ": " + error.mistakes()[0].what;
  }
  return "none";
}

std::string device_mistake(const std::string& yaml) {
  try {
    device(yaml);
  } catch (const ConfigError& error) {
    REQUIRE(error.mistakes().size() == 1);
    return error.mistakes()[0].path + ": " + error.mistakes()[0].what;
  } catch (const BuildError& error) {
    return error.what();
  }
  return "none";
}

}  // namespace

TEST_CASE("an impossible DRAM standard is one mistake that says what cannot be",
          "[dram][standard]") {
  const auto hbm3 = [](const std::string& with) {
    return mistakes_of("{extends: hbm3.yaml, " + with + "}");
  };
  CHECK(hbm3("clocks: {nRAS: 80}") ==
        "member.rules: tRAS > tRC: a row stays open for 80 clocks and the next ACT comes after 72");
  CHECK(hbm3("channel_bits: 63") == "member.channel_bits: 63 pins do not divide over 2 data buses");
  CHECK(hbm3("device_bits: 24") ==
        "member.channel_bits: a data bus of 32 pins is no whole number of chips of 24");
  CHECK(hbm3("clocks: {nRTW: 5}") ==
        "member.rules: negative slack: data of a write begin 15 clocks after a read, whose own end "
        "after 22");
  CHECK(hbm3("geometry: {bankgroup: 4}") ==
        "member.geometry.bankgroup: unknown level \"bankgroup\". did you mean \"bank_group\"?");
  CHECK(hbm3("cycles: {ACT: 1.4}") == "member.cycles.ACT: must be a multiple of half a clock");
  CHECK(hbm3("data_bus: bank").find("must be above the bank") != std::string::npos);
  CHECK(hbm3("geometry: {sid: 16}").find("banks in a channel") != std::string::npos);
}

TEST_CASE("a rule that is missing or misspelt is found by its place", "[dram][standard]") {
  const auto with_rule = [](const std::string& rule) {
    return mistakes_of("{extends: gddr7.yaml, rules: [" + rule + "]}");
  };
  CHECK(with_rule("[ACT, RD, bank, nRCDR]") ==
        "member.rules[0][3]: unknown timing \"nRCDR\". did you mean \"nRCDRD\"?");
  CHECK(with_rule("[ACT, RX, bank, nRC]").find("member.rules[0][1]: unknown command \"RX\"") == 0);
  CHECK(with_rule("[ACT, RD, bnak, nRC]") ==
        "member.rules[0][2]: unknown level \"bnak\". did you mean \"bank\"?");
  CHECK(with_rule("[ACT, RD, row, nRC]").find("at a bank or above") != std::string::npos);
  CHECK(with_rule("[ACT, RD, bank, nRCDRD, window]").find("\"window 4\"") != std::string::npos);
  CHECK(with_rule("[ACT, RD, bank, nCWL - nCL]").find("negative slack: nCWL - nCL is -18 clocks") !=
        std::string::npos);
  // gddr7 without the last rule that orders an ACT after an ACT of its bank
  try {
    standard(
        "{extends: gddr7.yaml, rules: [[ACT, RD WR PRE, bank, nRCDRD], [PRE, ACT, bank, nRP]]}");
    FAIL();
  } catch (const ConfigError& error) {
    CHECK(
        std::string(error.what()).find("missing rule: nothing says how long ACT waits after ACT") !=
        std::string::npos);
  }
}

TEST_CASE("a DRAM device that its standard cannot be is one mistake", "[dram][standard]") {
  CHECK(device_mistake("{kind: dram, standard: hbm3.yaml, channel_run: 48B}")
            .find("no whole number of bursts of 32 B") != std::string::npos);
  CHECK(device_mistake("{kind: dram, standard: ddr4.yaml, refresh: per_bank}")
            .find("the standard has no REFpb") != std::string::npos);
  CHECK(
      device_mistake("{kind: dram, standard: hbm3.yaml, mapping: {kind: field_order, order: RoCo}}")
          .find("leaves out level") != std::string::npos);
  CHECK(
      device_mistake("{kind: dram, standard: hbm3.yaml, mapping: {kind: field_order, order: RoXx}}")
          .find("unknown level \"Xx\"") != std::string::npos);
  CHECK(device_mistake("{kind: dram, standard: hbm3.yaml, mapping: {kind: mop, run: 5}}")
            .find("does not divide the bursts of a row") != std::string::npos);
  CHECK(
      device_mistake("{kind: dram, standard: hbm3.yaml, scheduler: {kind: frfcfs, drain_low: 0.9}}")
          .find("is above drain_high") != std::string::npos);
}

TEST_CASE("every shipped standard has the peak that its data sheet says", "[dram][standard]") {
  const std::pair<const char*, double> peaks[] = {
      {"hbm2.yaml", 32},   {"hbm3.yaml", 51.2}, {"hbm3e.yaml", 64},       {"hbm4.yaml", 64},
      {"ddr4.yaml", 25.6}, {"ddr5.yaml", 25.6}, {"ddr5_4800.yaml", 19.2}, {"lpddr5.yaml", 12.8},
      {"gddr6.yaml", 28},  {"gddr6x.yaml", 39}, {"gddr7.yaml", 28}};
  for (const auto& [file, gigabytes] : peaks) {
    INFO(file);
    CHECK(standard(file).channel_peak() / 1e9 == Approx(gigabytes).epsilon(0.002));
  }
  const std::pair<const char*, double> devices[] = {
      {"v100_hbm2.yaml", 897},   {"a100_80g_hbm2e.yaml", 2039}, {"h100_sxm_hbm3.yaml", 3350},
      {"h200_hbm3e.yaml", 4800}, {"a40_gddr6.yaml", 696},       {"l40_gddr6.yaml", 864}};
  for (const auto& [file, gigabytes] : devices) {
    INFO(file);
    CHECK(device(file)->peak(Direction::read).value() / 1e9 == Approx(gigabytes).epsilon(0.002));
  }
}
