// Planning of in-storage attention: min(channels, engine, SRAM / latency), closed forms of
// InstInfer.
#include "models/flash/csd_engine.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace terrace {

void CsdEngine::plan(const Op& op, const Machine& machine, OpPlan& plan) const {
  if (op.kind != OpKind::in_storage_attention)
    throw std::logic_error(std::string("an attention engine in a drive was given ") + op.label +
                           ", not in_storage_attention");
  const double rate = params_.flops(op.format);
  if (rate <= 0)
    throw std::logic_error(std::string("an attention engine has no rate for ") +
                           std::string(name_of(op.format)) + ", wanted by " + op.label);
  const Tier& flash = machine.tier(parts_.flash);
  double read = 0, device_bytes = 0, written = 0;
  Seconds farthest;
  for (const Access& a : op.accesses) {
    const bool reads = a.direction == Direction::read;
    if (a.tier != parts_.flash) {
      const Machine::End there{machine.tier(a.tier).device, a.tier}, here{parts_.device, none};
      Seconds latency;
      plan.flows.push_back(machine.transfer(reads ? there : here, reads ? here : there, a.bytes,
                                            a.run_length, op.group, &latency));
      farthest = std::max(farthest, latency);
    } else if (reads) {
      for (const KvRead& r : params_.reads(a.bytes, a.run_length, op.attention)) {
        read += r.bytes;
        device_bytes += r.bytes * machine.weight(parts_.flash, Direction::read, r.run_length);
      }
    } else {
      written += a.bytes * machine.weight(parts_.flash, Direction::write, a.run_length);
    }
  }
  const double flops = op.flops * params_.work();
  if (read > 0 || flops > 0) {
    FlowSpec flow;
    flow.amount = read > 0 ? read : flops;
    if (read > 0) {
      flow.add_hop(parts_.channels, device_bytes / read, 1);
      flow.max_rate = params_.sram.value() / flash.read_latency.value();  // Little's law
      flow.limiter = parts_.channels;
    }
    if (flops > 0)
      flow.add_hop(parts_.compute, parts_.compute_capacity / rate * flops / flow.amount,
                   flops / flow.amount);
    plan.flows.push_back(std::move(flow));
  }
  if (written > 0) {
    FlowSpec flow;
    flow.amount = written;
    flow.add_hop(parts_.channels, 1, 1);
    plan.flows.push_back(std::move(flow));
  }
  plan.latency = Time::nearest(params_.dispatch +
                               std::max(farthest, read > 0 ? flash.read_latency : Seconds(0)));
  plan.latency_cause = Cause::latency;
}

}  // namespace terrace
