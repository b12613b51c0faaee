// Independent gaps with a gamma distribution: cv 1 is Poisson, above it bursts, below it order.
// Source: ServeGen (Xiang et al., arXiv 2505.09999; data Apache-2.0) fits clients' gaps with gamma
// and Weibull. In its 2,589 ten-minute client windows of deepseek-r1 fitted with a gamma, weighted
// by requests, the CV is 0.60 / 1.00 / 1.52 at p10 / p50 / p90; the default is a bursty client, the
// p90. State: none.
#include "sim/registry.h"
#include "workloads/requests/arrival/arrival_process.h"

namespace terrace {
namespace {

class Gamma final : public ArrivalProcess {
 public:
  struct Params {
    PerSecond rate;
    double cv = 1.52;
    static void fields(Schema<Params>& s) {
      s.field("rate", &Params::rate, "mean arrival rate").required().above(PerSecond(0));
      s.field("cv", &Params::cv, "standard deviation of the gaps over their mean")
          .between(0.01, 30);
    }
  };
  Gamma(const Params& params, const Context&)
      : shape_(1 / (params.cv * params.cv)), scale_(1 / (params.rate.value() * shape_)) {}
  Seconds gap(RandomStream& random) override { return Seconds(random.gamma(shape_, scale_)); }

 private:
  double shape_, scale_;
};

}  // namespace
TERRACE_REGISTER(ArrivalProcess, Gamma, "gamma", "gaps with a gamma distribution, by rate and CV");
}  // namespace terrace
