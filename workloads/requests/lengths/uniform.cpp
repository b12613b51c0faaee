// Every whole length from low to high is as likely as any other.
// Source: none needed; what `random` data sets of serving benchmarks do.
// State: none.
#include <algorithm>

#include "sim/registry.h"
#include "workloads/requests/lengths/length_distribution.h"

namespace terrace {
namespace {

class UniformLength final : public LengthDistribution {
 public:
  struct Params {
    std::int64_t low = 0, high = 0;
    static void fields(Schema<Params>& s) {
      s.field("low", &Params::low, "shortest").required().between(1, 1'000'000'000);
      s.field("high", &Params::high, "longest").required().between(1, 1'000'000'000);
    }
    void check(Checker& c) const {
      if (high < low) c.fail("high", "must not be below low");
    }
  };
  UniformLength(const Params& params, const Context&) : params_(params) {}
  std::int64_t quantile(double u) const override {
    const auto n = static_cast<double>(params_.high - params_.low + 1);
    return std::min(params_.high, params_.low + static_cast<std::int64_t>(u * n));
  }

 private:
  Params params_;
};

}  // namespace
TERRACE_REGISTER(LengthDistribution, UniformLength, "uniform", "every length in a range alike");
}  // namespace terrace
