// First come, first served: the oldest request is served to its end before the next is looked at.
// Source: the baseline of Rixner et al., ISCA 2000. State: none.
#include "models/dram/scheduler.h"

namespace terrace::dram {
namespace {

class Fcfs final : public Scheduler {
 public:
  struct Params : Watermarks {
    static void fields(Schema<Params>& s) { Watermarks::fields(s); }
  };
  Fcfs(const Params& params, const Context&) : params_(params) {}
  SchedulingRules rules() const override {
    SchedulingRules r;
    r.in_order = true;
    r.drain_high = params_.drain_high;
    r.drain_low = params_.drain_low;
    return r;
  }

 private:
  Params params_;
};
TERRACE_REGISTER(Scheduler, Fcfs, "fcfs", "first come, first served");

}  // namespace
}  // namespace terrace::dram
