// Row hits first, and writes in deep batches: once the write queue is full enough it is drained far
// down, and then a least number of reads goes before the next drain, so that the data bus turns
// seldom. Source: write drain with watermarks (Lee, Narasiman, Ebrahimi, Mutlu and Patt, DRAM-aware
// last-level cache writeback, TR-HPS-2010-2); a GPU's L2 holds enough dirty lines for it. State:
// none.
#include "models/dram/scheduler.h"

namespace terrace::dram {
namespace {

class WriteBatching final : public Scheduler {
 public:
  struct Params : Watermarks {
    Time age_cap = Time::ps(200000);
    int least_reads = 0;
    static void fields(Schema<Params>& s) {
      s.field("age_cap", &Params::age_cap, "by how much a hit may be younger and still go first");
      s.field("least_reads", &Params::least_reads, "reads between two drains, while there are any")
          .between(0, 1 << 20);
      Watermarks::fields(s);
    }
  };
  WriteBatching(const Params& params, const Context&) : params_(params) {}
  SchedulingRules rules() const override {
    SchedulingRules r;
    r.keep_rows = true;
    r.age_cap = params_.age_cap;
    r.drain_high = params_.drain_high;
    r.drain_low = params_.drain_low;
    r.least_reads = params_.least_reads;
    return r;
  }

 private:
  Params params_;
};
TERRACE_REGISTER(Scheduler, WriteBatching, "write_batching", "row hits first, writes in batches");

}  // namespace
}  // namespace terrace::dram
