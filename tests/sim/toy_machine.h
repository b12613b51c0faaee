// A machine small enough to work out by hand: memories, links and engines with round numbers.
#pragma once

#include <memory>

#include "sim/machine.h"

namespace terrace::toy {

// Every access is a flow over its tier's resource; FLOPs are a flow over `compute`.
class PlainEngine final : public Engine {
 public:
  PlainEngine(ResourceId compute, Time latency) : compute_(compute), latency_(latency) {}
  void plan(const Op& op, const Machine& machine, OpPlan& plan) const override {
    plan.latency = op.kind == OpKind::host_compute ? op.host_time : latency_;
    if (op.flops > 0) {
      FlowSpec flow;
      flow.amount = op.flops;
      flow.add_hop(compute_, 1);
      plan.flows.push_back(flow);
    }
    for (const Access& a : op.accesses) {
      FlowSpec flow;
      flow.amount = a.bytes;
      flow.add_hop(machine.tier(a.tier).resource,
                   machine.weight(a.tier, a.direction, a.run_length));
      plan.flows.push_back(flow);
    }
  }

 private:
  ResourceId compute_;
  Time latency_;
};

// Copies its first access (a read) to its second (a write) over the machine's links.
class CopyEngine final : public Engine {
 public:
  void plan(const Op& op, const Machine& machine, OpPlan& plan) const override {
    const Access& from = op.accesses.at(0);
    const Access& to = op.accesses.at(1);
    Seconds latency;
    plan.flows.push_back(machine.transfer({machine.tier(from.tier).device, from.tier},
                                          {machine.tier(to.tier).device, to.tier}, from.bytes,
                                          from.run_length, op.group, &latency));
    plan.latency = Time::nearest(latency);
    plan.latency_cause = Cause::latency;
  }
};

struct Unit {  // a processor with memory: 1 TFLOP/s, 100 GB/s unless said otherwise
  DeviceId device = none;
  ResourceId compute = -1, memory = -1;
  TierId tier = none;
  EngineId engine = none, copier = none;
};

inline Unit add_unit(Machine& machine, const std::string& name, double flops = 1e12,
                     double bandwidth = 100e9, Time latency = Time()) {
  Unit u;
  Device device;
  device.name = name;
  device.kind = "unit";
  device.idle_power = Watts(10);
  u.device = machine.add_device(device);
  u.compute = machine.add_resource(
      {name + ".compute", "FLOP", flops, 1e-12, ResourceClass::compute, "", u.device});
  u.memory = machine.add_resource(
      {name + ".memory", "B", bandwidth, 1e-11, ResourceClass::memory, "", u.device});
  Tier tier;
  tier.name = name + ".memory";
  tier.device = u.device;
  tier.resource = u.memory;
  tier.capacity = Bytes(1e9);
  u.tier = machine.add_tier(tier);
  u.engine = machine.add_engine(
      {name + ".engine", u.device, std::make_unique<PlainEngine>(u.compute, latency)});
  u.copier = machine.add_engine({name + ".copier", u.device, std::make_unique<CopyEngine>()});
  return u;
}

inline std::int32_t add_link(Machine& machine, const std::string& name, DeviceId a, DeviceId b,
                             double rate, double latency = 0) {
  LinkInfo link;
  link.name = name;
  link.from = a;
  link.to = b;
  link.rate = rate;
  link.latency = Seconds(latency);
  link.forward =
      machine.add_resource({name + ".forward", "B", rate, 0, ResourceClass::link, "", none});
  link.backward =
      machine.add_resource({name + ".backward", "B", rate, 0, ResourceClass::link, "", none});
  return machine.add_link(link);
}

inline Op compute_op(EngineId engine, double flops, const char* label = "work") {
  Op op;
  op.engine = engine;
  op.flops = flops;
  op.label = label;
  return op;
}

inline Op copy_op(EngineId engine, TierId from, TierId to, double bytes,
                  const char* label = "copy") {
  Op op;
  op.kind = OpKind::copy;
  op.engine = engine;
  op.label = label;
  op.reads(from, bytes);
  op.writes(to, bytes);
  return op;
}

}  // namespace terrace::toy
