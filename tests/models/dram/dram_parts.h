// Parts for the tests of DRAM: devices and standards from shipped tables and from YAML.
#pragma once

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "validate/device/dram_drive.h"

namespace terrace::dram::test {

using validate::gather;
using validate::nanoseconds;
using validate::stream;

template <class T>
struct Holder {
  T member;
  static void fields(Schema<Holder>& s) { s.field("member", &Holder::member, "what is tested"); }
};

// Of a file below configs/dram, or of a mapping in braces. Throws ConfigError.
template <class T>
T from_yaml(const std::string& yaml) {
  Mistakes mistakes;
  const Node root = parse_config("member: " + yaml, TERRACE_CONFIG_DIR "/dram/test.yaml", mistakes);
  Reader reader(mistakes);
  auto holder = read<Holder<T>>(root, reader);
  mistakes.raise();
  return holder.member;
}

inline Standard standard(const std::string& yaml) { return from_yaml<Standard>(yaml); }
inline DramParams params(const std::string& yaml) {
  return *from_yaml<Choice<BurstDevice>>(yaml).params_as<Dram>();
}
inline std::unique_ptr<Dram> device(const std::string& yaml) {
  return std::make_unique<Dram>(params(yaml), BurstDevice::Context{"dram", 1});
}

// Every standard that is shipped.
inline const std::vector<std::string>& shipped() {
  static const std::vector<std::string> all = {
      "hbm2.yaml",      "hbm2_1750.yaml",  "hbm2e.yaml", "hbm3.yaml",        "hbm3_5240.yaml",
      "hbm3e.yaml",     "hbm3e_6250.yaml", "hbm4.yaml",  "ddr4.yaml",        "ddr5.yaml",
      "ddr5_4800.yaml", "lpddr5.yaml",     "gddr6.yaml", "gddr6_14500.yaml", "gddr6_18000.yaml",
      "gddr6x.yaml",    "gddr7.yaml"};
  return all;
}

// Percent of the peak that a device reaches.
inline double percent(const std::string& yaml, const BurstPattern& pattern,
                      std::uint64_t requests = 40000) {
  const auto d = device(yaml);
  return 100 * drive(*d, pattern, requests, requests / 10).share_of_peak;
}

}  // namespace terrace::dram::test
