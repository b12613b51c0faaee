// Evenly spaced arrivals: every gap is 1/rate. The calmest load that a rate can make.
// Source: none needed.
// State: none.
#include "sim/registry.h"
#include "workloads/requests/arrival/arrival_process.h"

namespace terrace {
namespace {

class Constant final : public ArrivalProcess {
 public:
  struct Params {
    PerSecond rate;
    static void fields(Schema<Params>& s) {
      s.field("rate", &Params::rate, "arrival rate").required().above(PerSecond(0));
    }
  };
  Constant(const Params& params, const Context&) : gap_(1 / params.rate.value()) {}
  Seconds gap(RandomStream&) override { return Seconds(gap_); }

 private:
  double gap_;
};

}  // namespace
TERRACE_REGISTER(ArrivalProcess, Constant, "constant", "evenly spaced arrivals");
}  // namespace terrace
