// How the simulator and the closed forms answer the cases of the micro-benchmarks.
#include "validate/cuda/bench/bench_group.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "sim/format.h"
#include "validate/device/machine_parts.h"

namespace terrace::cuda {

MachineParts::MachineParts(const Machine& m) : machine(m) {
  const std::vector<DeviceId> gpus = m.devices_of("gpu");
  if (gpus.empty()) throw std::runtime_error("the system has no GPU");
  gpu = &m.devices()[static_cast<std::size_t>(gpus.front())];
  name = gpu->name;
  hbm = m.find_tier(name + ".hbm");
  compute = m.find_engine(name + ".compute");
  copy_in = m.find_engine(name + ".copy_in");
  copy_out = m.find_engine(name + ".copy_out");
  for (const DeviceId id : m.devices_of("host"))
    if (const auto& tiers = m.devices()[static_cast<std::size_t>(id)].tiers; !tiers.empty())
      host = tiers.front();
}

Op MachineParts::kernel(OpKind kind, const char* label) const {
  Op op;
  op.kind = kind;
  op.label = label;
  op.engine = compute;
  op.in_graph = true;  // timed by the device's clock: the host is ahead
  return op;
}

std::optional<double> BenchGroup::predict(const Case& c, const MachineParts& parts) const {
  std::vector<Op> asked = ops(c, parts);
  if (asked.empty()) return std::nullopt;
  return validate::run(parts.machine, std::move(asked));
}

std::optional<double> BenchGroup::bound(const Case& c, const MachineParts& parts) const {
  const std::vector<Op> asked = ops(c, parts);
  if (asked.empty()) return std::nullopt;
  return least_seconds(parts, asked);
}

std::vector<Case> cases_of(const std::string& group, const BenchGroup& bench, bool quick) {
  std::vector<Case> cases = bench.cases(quick);
  for (Case& c : cases) c.group = group;
  return cases;
}

double least_seconds(const MachineParts& parts, const std::vector<Op>& ops) {
  const Machine& m = parts.machine;
  std::map<std::string, double> busy;
  const auto use = [&](ResourceId id, double amount) {
    const Resource& r = m.resources().at(static_cast<std::size_t>(id));
    busy[r.name] += amount / r.capacity;
  };
  for (const Op& op : ops) {
    const auto rate = parts.gpu->facts.find("total_flops." + std::string(name_of(op.format)));
    if (op.flops > 0 && op.kind != OpKind::codec && op.kind != OpKind::topk &&
        rate != parts.gpu->facts.end())
      busy["flops"] += op.flops / rate->second;
    DeviceId from = none, to = none;
    for (const Access& a : op.accesses) {
      const Tier& tier = m.tier(a.tier);
      (a.direction == Direction::read ? from : to) = tier.device;
      if (std::isinf(a.reuse_distance)) use(tier.resource, a.bytes);
      if (op.engine == parts.compute && a.tier == parts.hbm)
        for (const ResourceId id : parts.gpu->resources)
          if (m.resources()[static_cast<std::size_t>(id)].group == ResourceClass::cache)
            use(id, a.bytes);
    }
    if (from == none || to == none || from == to) continue;
    for (const RouteLeg& leg : m.route(from, to).legs) {
      const LinkInfo& link = m.links()[static_cast<std::size_t>(leg.link)];
      use(leg.forward ? link.forward : link.backward, op.accesses.front().bytes);
    }
  }
  double most = 0;
  for (const auto& [name, seconds] : busy) most = std::max(most, seconds);
  return most;
}

}  // namespace terrace::cuda
