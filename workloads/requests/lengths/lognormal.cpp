// A lognormal length, rounded up to whole tokens: the logarithm is normal around that of the
// median. Source: the common fit of prompt lengths, e.g. ServeGen (Xiang et al., arXiv 2505.09999)
// for their body. State: none.
#include <cmath>

#include "sim/random.h"
#include "sim/registry.h"
#include "workloads/requests/lengths/length_distribution.h"

namespace terrace {
namespace {

class LognormalLength final : public LengthDistribution {
 public:
  struct Params {
    double median = 0, sigma = 0;
    static void fields(Schema<Params>& s) {
      s.field("median", &Params::median, "tokens that half of the lengths stay below")
          .required()
          .between(1, 1e7);
      s.field("sigma", &Params::sigma,
              "standard deviation of the logarithm; the mean is median exp(sigma²/2)")
          .required()
          .between(0, 2.5);
    }
  };
  LognormalLength(const Params& params, const Context&)
      : mu_(portable_log(params.median)), sigma_(params.sigma) {}
  std::int64_t quantile(double u) const override {
    return static_cast<std::int64_t>(std::ceil(portable_exp(mu_ + sigma_ * normal_quantile(u))));
  }

 private:
  double mu_, sigma_;
};

}  // namespace
TERRACE_REGISTER(LengthDistribution, LognormalLength, "lognormal",
                 "logarithm normal, by median and sigma");
}  // namespace terrace
