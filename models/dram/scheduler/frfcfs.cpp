// First ready, first come: of the requests whose next command may be given now, the oldest; a
// request for another row may close a row that others still want. Source: Rixner et al., ISCA 2000,
// as FRFCFS of Ramulator 2.1 reads it. State: none.
#include "models/dram/scheduler.h"

namespace terrace::dram {
namespace {

class FrFcfs final : public Scheduler {
 public:
  struct Params : Watermarks {
    static void fields(Schema<Params>& s) { Watermarks::fields(s); }
  };
  FrFcfs(const Params& params, const Context&) : params_(params) {}
  SchedulingRules rules() const override {
    SchedulingRules r;
    r.drain_high = params_.drain_high;
    r.drain_low = params_.drain_low;
    return r;
  }

 private:
  Params params_;
};
TERRACE_REGISTER(Scheduler, FrFcfs, "frfcfs", "first ready, first come");

}  // namespace
}  // namespace terrace::dram
