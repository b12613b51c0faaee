// Planning of ops on the host's cores.
#include "models/host/cpu_engine.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace terrace {

void CpuEngine::plan(const Op& op, const Machine& machine, OpPlan& plan) const {
  if (op.kind == OpKind::host_compute) {
    plan.latency = Time::nearest(op.host_time.span() / rates_.relative_speed);
    plan.latency_cause = Cause::host;
  } else if (op.kind == OpKind::copy || op.kind == OpKind::collective ||
             op.kind == OpKind::in_storage_attention) {
    throw std::logic_error(std::string("a CPU cannot do ") + name_of(op.kind) + " " + op.label);
  } else {
    plan.latency = Time::nearest(rates_.dispatch);
    plan.latency_cause = Cause::host;
  }
  const auto ranks = static_cast<double>(machine.ranks(op.group));  // all of them use these cores
  if (op.flops > 0) {
    const FlopsPerSecond rate = op.kind == OpKind::gemm ? rates_.matrix : rates_.vector;
    const double capacity = machine.resources()[static_cast<std::size_t>(rates_.cores)].capacity;
    FlowSpec flow;
    flow.amount = op.flops;
    flow.add_hop(rates_.cores, ranks * capacity / rate.value(), ranks);
    plan.flows.push_back(std::move(flow));
  }
  Seconds farthest;
  for (const Access& a : op.accesses) {
    const Machine::End tier{machine.tier(a.tier).device, a.tier}, cores{device_, none};
    const bool read = a.direction == Direction::read;
    Seconds latency;
    plan.flows.push_back(machine.transfer(read ? tier : cores, read ? cores : tier, a.bytes,
                                          a.run_length, op.group, &latency));
    farthest = std::max(farthest, latency);
  }
  plan.latency += Time::nearest(farthest);
}

}  // namespace terrace
