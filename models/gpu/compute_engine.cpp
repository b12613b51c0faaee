// Turning kernel times into latencies and flows.
#include "models/gpu/compute_engine.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace terrace {

namespace {

// Zero-copy accesses: the L2 does not keep what lies in another device's memory.
void plan_remote(const GpuStations& stations, const Op& op, const Machine& machine, OpPlan& plan) {
  Seconds farthest;
  for (const Access& a : op.accesses) {
    if (a.tier == stations.memory) continue;
    const Machine::End there{machine.tier(a.tier).device, a.tier}, here{stations.device, none};
    const bool read = a.direction == Direction::read;
    Seconds latency;
    plan.flows.push_back(machine.transfer(read ? there : here, read ? here : there, a.bytes,
                                          a.run_length, op.group, &latency, Mover::loads));
    farthest = std::max(farthest, latency);
  }
  plan.latency += Time::nearest(farthest);
}

}  // namespace

void plan_kernel(const KernelTime& t, const GpuStations& stations, const Op& op,
                 const Machine& machine, OpPlan& plan) {
  plan.latency_cause = Cause::launch;
  const auto work = [&](Station s) { return t.work[static_cast<std::size_t>(s)]; };
  // In bytes wherever there are any, so that flows which meet on a memory share it byte by byte.
  double amount = 0;
  for (const Station s : {Station::memory, Station::l2, Station::vector, Station::tensor})
    if (amount <= 0) amount = work(s);
  if (t.body > 0 && amount > 0) {
    FlowSpec flow;
    flow.amount = amount;
    flow.max_rate = amount / t.body;
    flow.limiter = stations.resources[static_cast<std::size_t>(t.bound)];
    for (std::size_t s = 0; s < station_count; ++s)
      if (t.work[s] > 0 || t.busy[s] > 0)
        flow.add_hop(stations.resources[s], stations.capacity[s] * t.busy[s] / amount,
                     t.work[s] / amount,
                     s == static_cast<std::size_t>(Station::memory) ? t.mix : Mix());
    plan.latency = Time::nearest(Seconds(t.latency));
    plan.flows.push_back(std::move(flow));
  } else {
    plan.latency = Time::nearest(Seconds(t.seconds()));
  }
  plan_remote(stations, op, machine, plan);
}

void ComputeEngine::plan(const Op& op, const Machine& machine, OpPlan& plan) const {
  if (op.kind == OpKind::host_compute) return DriverEngine().plan(op, machine, plan);
  if (op.kind != OpKind::collective)
    return plan_kernel(kernels_->time(op, stations_.memory), stations_, op, machine, plan);
  collectives_.plan(op, machine, plan);
  if (!op.in_graph)
    plan.latency =
        std::max(plan.latency, Time::nearest(kernels_->params().kernels.launch_in_stream));
}

void DriverEngine::plan(const Op& op, const Machine&, OpPlan& plan) const {
  if (op.kind != OpKind::host_compute)
    throw std::logic_error(std::string("a driver thread was given ") + op.label +
                           ", not host_compute");
  plan.latency = op.host_time;
  plan.latency_cause = Cause::host;
}

}  // namespace terrace
