// Energy of a bit by command: HBM3 as AttAcc splits it (Park et al., ASPLOS 2024), HBM2 of O'Connor
// et al., MICRO 2017. State: none.
#include <map>

#include "validate/comparison.h"
#include "validate/device/dram_drive.h"

namespace terrace::validate {
namespace {

// pJ/bit by what spent it, and "all"; commands and refresh, standby apart. "time": seconds a bit.
std::map<std::string, double> spent(const std::string& file, const BurstPattern& pattern) {
  const auto d = dram_device("{kind: dram, standard: dram/" + file + "}");
  const Time span = drive(*d, pattern, 60000).span;
  const double bits =
      8.0 * d->granule() * static_cast<double>(d->issued(dram::RD) + d->issued(dram::WR));
  std::map<std::string, double> out;
  for (const BurstCount& c : d->counts()) {
    out[c.name] = c.energy.value() / bits * 1e12;
    out["all"] += out[c.name];
  }
  out["time"] = span.seconds() / bits;
  return out;
}

Row pj(const std::string& what, double got, double reference, double percent_off) {
  return percent(what, got, reference, "pJ/bit", percent_off);
}

Rows hbm3() {
  auto e = spent("hbm3.yaml", stream());
  return {pj("HBM3 stream", e["all"], 3.59, 5),
          pj("HBM3 stream, activate", e["activate"], 0.11, 100 * 0.05 / 0.11)
              .because("target: 0.05 pJ/bit; rows that a refresh or FR-FCFS closes early are "
                       "opened again"),
          pj("HBM3 stream, cells to columns", e["read_core"], 0.44, 0.001),
          pj("HBM3 stream, columns to bank group", e["read_bank_group"], 1.01, 0.001),
          pj("HBM3 stream, bank group to global IO", e["read_global_io"], 1.23, 0.001),
          pj("HBM3 stream, TSVs", e["read_tsv"], 0.5, 0.001),
          pj("HBM3 stream, interposer", e["read_interposer"], 0.3, 0.001)};
}

// One activate of 905 pJ for each 256 bits, refresh for as long as a bit takes, and all else as in
// a stream.
Rows random() {
  Rows rows;
  for (const std::string name : {"HBM2", "HBM3"}) {
    const std::string file = name == "HBM2" ? "hbm2.yaml" : "hbm3.yaml";
    auto e = spent(file, gather(32)), s = spent(file, stream());
    const double form =
        s["all"] - s["activate"] + 905.0 / 256 + s["refresh"] * (e["time"] / s["time"] - 1);
    rows.push_back(pj(name + " random 32 B, activate", e["activate"], 905.0 / 256, 2));
    rows.push_back(pj(name + " random 32 B", e["all"], form, 5).at_least(1.8 * s["all"]));
  }
  return rows;
}

class DramEnergy final : public Comparison {
 public:
  using Params = NoParams;
  DramEnergy(const Params&, const Context&) {}
  std::string about() const override {
    return "Energy of commands and refresh for each bit that moves, standby apart: an endless read "
           "stream, and 32 B at random, which must cost clearly more (the bound given: 1.8 "
           "streams) "
           "because each opens a row of its own.";
  }
  std::vector<Part> parts() const override {
    return {{"HBM3 stream", "AttAcc, Park et al., ASPLOS 2024: energy of HBM3 by command", hbm3},
            {"HBM2 stream", "O'Connor et al., Fine-Grained DRAM, MICRO 2017",
             [] { return Rows{pj("HBM2 stream", spent("hbm2.yaml", stream())["all"], 3.97, 5)}; }},
            {"random",
             "closed form: one activate of 905 pJ in 256 bits, refresh by time, all else as in a "
             "stream",
             random}};
  }
};
TERRACE_REGISTER(Comparison, DramEnergy, "dram_energy",
                 "energy of a bit in HBM2 and HBM3, by command");

}  // namespace
}  // namespace terrace::validate
