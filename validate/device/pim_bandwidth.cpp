// Near-bank units: Samsung's HBM-PIM (Kwon et al., ISSCC 2021) and AttAcc (Park et al., ASPLOS
// 2024). State: none.
#include "models/accel/near_bank.h"
#include "sim/config.h"
#include "validate/comparison.h"
#include "validate/device/machine_parts.h"

namespace terrace::validate {
namespace {

NearBankParams near_bank(const std::string& file) {
  Mistakes mistakes;
  const Node root = parse_config("{extends: accel/" + file + "}", "validate", mistakes);
  mistakes.raise();
  Reader reader(mistakes);
  const auto params = read<NearBankParams>(*root.find("near_bank"), reader);
  mistakes.raise();
  return params;
}

Rows hbm_pim() {
  const NearBankParams p = near_bank("hbm_pim.yaml");
  const double form = 16 * 8 * 32 / 3.333e-9;  // pseudo-channels x units x 32 B / tCCD_L
  return {percent("HBM-PIM, a stack inside", p.peak().value() / p.stacks, 1228.8e9, "B/s", 1)
              .at_most(form, 1e-9),
          percent("HBM-PIM, inside over pins", ratio(p.peak(), p.pins), 4, "x", 1),
          percent("HBM-PIM, a stack's arithmetic", p.flops().value() / p.stacks, 1.2288e12,
                  "FLOP/s", 1)};
}

Rows attacc() {
  const struct {
    const char *file, *where;
    double published, tolerance;
  } placements[] = {{"attacc.yaml", "at banks", 9, 5},
                    {"attacc_bank_group.yaml", "at bank groups", 3, 15},
                    {"attacc_buffer.yaml", "on the buffer die", 1, 5}};
  Rows rows;
  for (const auto& r : placements) {
    const NearBankParams p = near_bank(r.file);
    // Refresh stops pins and banks alike.
    rows.push_back(percent(std::string("AttAcc, units ") + r.where + ", over pins",
                           ratio(p.streaming(), p.pins) / p.refresh, r.published, "x", r.tolerance)
                       .at_most(ratio(p.peak(), p.pins), 1e-9));
  }
  rows[1].because(
      "the column interval of the paper's simulator, 6 clocks under the power constraint, gives "
      "2.67; the paper says 3");
  return rows;
}

Rows unconstrained() {
  NearBankParams p = near_bank("attacc.yaml");
  p.column_interval = Seconds(4 * 0.7692e-9);
  return {
      percent("AttAcc, banks without power limit, over pins", ratio(p.peak(), p.pins), 16, "x", 1)};
}

class PimBandwidth final : public Comparison {
 public:
  using Params = NoParams;
  PimBandwidth(const Params&, const Context&) {}
  std::string about() const override {
    return "Bandwidth of units near the banks over that of the pins. Bound: a column in each bank "
           "every column interval. Assumed: refresh stops pins and banks alike, so AttAcc's ratios "
           "are taken without it.";
  }
  std::vector<Part> parts() const override {
    return {{"HBM-PIM", "Kwon et al., ISSCC 2021: 1.23 TB/s and 1.2 TFLOP/s a stack, 4x its pins",
             hbm_pim},
            {"AttAcc",
             "Park et al., ASPLOS 2024, under the DRAM power constraint (simulator, src/config.py "
             "BW_SCALE)",
             attacc},
            {"AttAcc without power limit",
             "Park et al., ASPLOS 2024: 2 ranks x 4 bank groups x 4 banks / 2", unconstrained}};
  }
};
TERRACE_REGISTER(Comparison, PimBandwidth, "pim_bandwidth",
                 "bandwidth of units near the banks of HBM");

}  // namespace
}  // namespace terrace::validate
