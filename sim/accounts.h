// What ran, counted exactly: integers of bytes, FLOPs and picoseconds, so that order and folding do
// not matter.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "sim/machine.h"
#include "sim/record.h"

namespace terrace {

class Accounts {
 public:
  explicit Accounts(const Machine& machine);

  std::int32_t label(const Op& op);  // the row of the op table this op counts into
  void work(const Op& op, std::int32_t row, const OpPlan& plan, const FlowNetwork& network,
            std::int64_t times);
  void time(const Op& op, std::int32_t row, Time busy, std::int32_t cause, std::int64_t times);
  void path(std::int32_t cause, Time spent);  // one stretch of a lane's critical path
  void step(std::int32_t lane, Time started,
            Time ended);                     // lane < 0: background, no part of the shares
  Time lane_ended(std::int32_t lane) const;  // of its last step; zero when there was none

  // Utilisation, traffic, energy, shares and op table; `end` is the makespan.
  void report(Record& record, Time end) const;

  std::vector<Tally> tallies() const;  // by resource, twins of folded ranks included
  std::int64_t steps() const { return steps_; }
  std::int64_t path_ps() const;

 private:
  struct Row {
    const char* label = nullptr;
    OpKind kind = OpKind::gemm;
    std::int64_t count = 0, busy_ps = 0, bound_ps = 0;
    __int128 flops = 0, read = 0, written = 0;
    std::map<std::int32_t, std::int64_t> cause_ps;
  };
  struct Traffic {
    __int128 read = 0, written = 0;
  };
  const std::vector<Tally>& tallies(GroupId group) const;
  std::string cause_name(std::int32_t cause) const;
  std::vector<Traffic> traffic() const;
  ResourceId twin_link(ResourceId link_resource, DeviceId rep, DeviceId member) const;
  void report_energy(Record& record, const std::vector<Tally>& all, Time end) const;

  const Machine& machine_;
  std::vector<Row> rows_;
  std::vector<std::vector<Tally>> by_group_;            // [group + 1][resource]
  std::vector<std::vector<Traffic>> traffic_by_group_;  // [group + 1][tier]
  std::vector<std::int64_t> engine_ps_;
  std::vector<std::int64_t> path_resource_ps_;
  std::map<std::int32_t, std::int64_t> path_other_ps_;
  struct Lane {
    std::int64_t busy_ps = 0;
    Time ended;
  };
  std::vector<Lane> lanes_;
  std::int64_t steps_ = 0;
};

}  // namespace terrace
