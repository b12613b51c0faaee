// Energy of a bit, by command, against published figures.
#include <map>

#include "tests/models/dram/dram_parts.h"

using namespace terrace;
using namespace terrace::dram;
using namespace terrace::dram::test;

namespace {

// pJ/bit by what spent it, and "all"; commands and refresh, standby apart.
std::map<std::string, double> spent(const std::string& file, const BurstPattern& pattern) {
  const auto d = device("{kind: dram, standard: " + file + "}");
  drive(*d, pattern, 60000);
  const double bits = 8.0 * d->granule() * static_cast<double>(d->issued(RD) + d->issued(WR));
  std::map<std::string, double> out;
  for (const BurstCount& c : d->counts()) {
    out[c.name] = c.energy.value() / bits * 1e12;
    out["all"] += out[c.name];
  }
  return out;
}

}  // namespace

TEST_CASE("a stream of HBM3 spends 3.59 pJ/bit, split as AttAcc splits it", "[dram][published]") {
  auto e = spent("hbm3.yaml", stream());
  INFO(e["all"] << " pJ/bit, " << 100 * (e["all"] / 3.59 - 1) << " % off");
  CHECK(e["all"] == Approx(3.59).epsilon(0.05));
  // Rows that a refresh or FR-FCFS closes early are opened again.
  CHECK(e["activate"] == Approx(0.11).margin(0.05));
  CHECK(e["read_core"] == Approx(0.44));
  CHECK(e["read_bank_group"] == Approx(1.01));
  CHECK(e["read_global_io"] == Approx(1.23));
  CHECK(e["read_tsv"] == Approx(0.5));
  CHECK(e["read_interposer"] == Approx(0.3));
  CHECK(e["refresh"] > 0);
}

TEST_CASE("a stream of HBM2 spends 3.97 pJ/bit", "[dram][published]") {
  auto e = spent("hbm2.yaml", stream());  // O'Connor et al., MICRO 2017
  INFO(e["all"] << " pJ/bit, " << 100 * (e["all"] / 3.97 - 1) << " % off");
  CHECK(e["all"] == Approx(3.97).epsilon(0.05));
}

TEST_CASE("random bursts spend clearly more, as each opens a row of its own", "[dram][published]") {
  for (const char* file : {"hbm2.yaml", "hbm3.yaml"}) {
    auto e = spent(file, gather(32)), s = spent(file, stream());
    INFO(file << ": " << e["all"] << " against " << s["all"] << " pJ/bit");
    CHECK(e["all"] > 1.8 * s["all"]);
    CHECK(e["activate"] == Approx(905.0 / 256).epsilon(0.02));  // one activate for 256 bits
  }
}
