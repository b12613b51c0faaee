// A systolic array against SCALE-Sim v3 (Raj et al., arXiv 2504.15377). State: none.
#include <limits>

#include "models/accel/systolic_array.h"
#include "validate/comparison.h"

namespace terrace::validate {
namespace {

Rows product() {
  ArrayGemm g;
  g.m = g.n = g.k = 512;
  // 128 x 128, 940 MHz, 16 MiB of scratchpads, weight-stationary; a memory that never limits.
  const SystolicRun run = SystolicArray(SystolicParams())
                              .run(g, BytesPerSecond(std::numeric_limits<double>::infinity()));
  return {percent("512 x 512 x 512, weight-stationary 128 x 128",
                  static_cast<double>(run.compute_cycles), 14303, "cycles", 1)
              .at_least(16 * (2 * 128 + 128 + 512 - 2))};
}

class SystolicScaleSim final : public Comparison {
 public:
  using Params = NoParams;
  SystolicScaleSim(const Params&, const Context&) {}
  std::string about() const override {
    return "Compute cycles of a matrix product. Bound: the form of Samajdar et al., ISPASS 2020, "
           "16 "
           "folds of 2 x 128 + 128 + 512 - 2 cycles.";
  }
  std::vector<Part> parts() const override {
    return {{"product", "SCALE-Sim v3, arXiv 2504.15377 (measured)", product}};
  }
};
TERRACE_REGISTER(Comparison, SystolicScaleSim, "systolic_scale_sim",
                 "cycles of a systolic array against SCALE-Sim");

}  // namespace
}  // namespace terrace::validate
