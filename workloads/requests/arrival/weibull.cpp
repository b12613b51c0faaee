// Independent gaps with a Weibull distribution: below shape 1 clumps with long silences between.
// Source: ServeGen (Xiang et al., arXiv 2505.09999; data Apache-2.0). In its 522 ten-minute client
// windows of deepseek-r1 fitted with a Weibull, weighted by requests, the shape is 0.27 / 0.35 /
// 0.97 at p10 / p50 / p90; the default is the median (its CV is 4.0). State: none.
#include "sim/registry.h"
#include "workloads/requests/arrival/arrival_process.h"

namespace terrace {
namespace {

class Weibull final : public ArrivalProcess {
 public:
  struct Params {
    PerSecond rate;
    double shape = 0.35;
    static void fields(Schema<Params>& s) {
      s.field("rate", &Params::rate, "mean arrival rate").required().above(PerSecond(0));
      s.field("shape", &Params::shape, "Weibull's k: 1 is Poisson, smaller is burstier")
          .between(0.1, 100);
    }
  };
  Weibull(const Params& params, const Context&)
      : shape_(params.shape),
        scale_(1 / (params.rate.value() * gamma_function(1 + 1 / params.shape))) {}
  Seconds gap(RandomStream& random) override { return Seconds(random.weibull(shape_, scale_)); }

 private:
  double shape_, scale_;  // the mean gap is scale Gamma(1 + 1/shape)
};

}  // namespace
TERRACE_REGISTER(ArrivalProcess, Weibull, "weibull",
                 "gaps with a Weibull distribution, by rate and shape");
}  // namespace terrace
