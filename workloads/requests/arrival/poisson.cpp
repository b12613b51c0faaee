// Poisson arrivals: many users who know nothing of each other; gaps are exponential, CV 1.
// Source: the usual assumption of serving papers, e.g. Kwon et al., "PagedAttention", SOSP 2023.
// State: none.
#include "sim/registry.h"
#include "workloads/requests/arrival/arrival_process.h"

namespace terrace {
namespace {

class Poisson final : public ArrivalProcess {
 public:
  struct Params {
    PerSecond rate;
    static void fields(Schema<Params>& s) {
      s.field("rate", &Params::rate, "mean arrival rate").required().above(PerSecond(0));
    }
  };
  Poisson(const Params& params, const Context&) : mean_(1 / params.rate.value()) {}
  Seconds gap(RandomStream& random) override { return Seconds(random.exponential(mean_)); }

 private:
  double mean_;
};

}  // namespace
TERRACE_REGISTER(ArrivalProcess, Poisson, "poisson", "independent arrivals: exponential gaps");
}  // namespace terrace
