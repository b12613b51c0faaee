// Which request a channel serves next: a family. A member says it as rules, which the channel reads
// without a call per request.
#pragma once

#include "sim/registry.h"

namespace terrace::dram {

struct SchedulingRules {
  bool in_order = false;   // only the oldest request of the queue is looked at
  bool keep_rows = false;  // a request that wants another row waits for older hits of the open one
  Time age_cap;            // ... and for hits that came up to this much after it
  double drain_high = 0.8, drain_low = 0.2;  // of the write queue: where writing starts and ends
  int least_reads = 0;                       // reads served between two drains, while there are any
};

class Scheduler {
 public:
  struct Context {};
  static constexpr const char* family = "dram_scheduler";
  static constexpr const char* meaning = "which request a DRAM channel serves next";
  virtual ~Scheduler() = default;
  virtual SchedulingRules rules() const = 0;
};

// The write queue's watermarks, which every member has.
struct Watermarks {
  double drain_high = 0.8, drain_low = 0.2;
  template <class P>
  static void fields(Schema<P>& s) {
    s.field("drain_high", &Watermarks::drain_high,
            "share of the write queue at which writing starts")
        .between(0, 1);
    s.field("drain_low", &Watermarks::drain_low, "share of the write queue at which it ends")
        .between(0, 1);
  }
  void check(Checker& c) const {
    if (drain_low > drain_high) c.fail("drain_low", "is above drain_high");
  }
};

}  // namespace terrace::dram
