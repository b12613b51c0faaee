// First ready, first come, where a row stays open as long as older requests hit it, and younger
// ones that came within the age cap of the request that waits. Source: FR-FCFS with a cap on column
// accesses (Mutlu and Moscibroda, MICRO 2007); a cap of zero is FRFCFS-RowHit of Ramulator 2.1.
// State: none.
#include "models/dram/scheduler.h"

namespace terrace::dram {
namespace {

class RowHitFirst final : public Scheduler {
 public:
  struct Params : Watermarks {
    Time age_cap;
    static void fields(Schema<Params>& s) {
      s.field("age_cap", &Params::age_cap, "by how much a hit may be younger and still go first");
      Watermarks::fields(s);
    }
  };
  RowHitFirst(const Params& params, const Context&) : params_(params) {}
  SchedulingRules rules() const override {
    SchedulingRules r;
    r.keep_rows = true;
    r.age_cap = params_.age_cap;
    r.drain_high = params_.drain_high;
    r.drain_low = params_.drain_low;
    return r;
  }

 private:
  Params params_;
};
TERRACE_REGISTER(Scheduler, RowHitFirst, "row_hit_first", "hits of the open row before others");

}  // namespace
}  // namespace terrace::dram
