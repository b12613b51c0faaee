// Accounts turned into statistics: utilisation, traffic, energy, cost, shares of time, op table.
#include <algorithm>
#include <cctype>
#include <cmath>

#include "sim/accounts.h"

namespace terrace {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

std::string without_digits(std::string name) {
  name.erase(std::remove_if(name.begin(), name.end(),
                            [](unsigned char c) { return std::isdigit(c) != 0; }),
             name.end());
  return name;
}

}  // namespace

// "gpu.hbm" for the HBM of any GPU; links by their kind.
std::string Accounts::cause_name(std::int32_t cause) const {
  switch (static_cast<Cause>(cause)) {
    case Cause::launch:
      return "launch";
    case Cause::latency:
      return "latency";
    case Cause::host:
      return "host";
    case Cause::queueing:
      return "queueing";
    case Cause::idle:
      return "idle";
  }
  const Resource& r = machine_.resources()[at(cause)];
  if (r.device == none) return without_digits(r.name);
  const std::size_t dot = r.name.find('.');
  return machine_.devices()[at(r.device)].kind +
         (dot == std::string::npos ? "" : r.name.substr(dot));
}

void Accounts::report(Record& record, Time end) const {
  const double seconds = end.seconds();
  const std::vector<Tally> all = tallies();

  std::int64_t lanes_ps = end.ps() * static_cast<std::int64_t>(lanes_.size());
  std::int64_t idle_ps = lanes_ps;
  for (const Lane& lane : lanes_) idle_ps -= lane.busy_ps;
  std::map<std::string, std::int64_t> shares;
  for (std::size_t r = 0; r < path_resource_ps_.size(); ++r)
    if (path_resource_ps_[r] > 0)
      shares[cause_name(static_cast<std::int32_t>(r))] += path_resource_ps_[r];
  for (const auto& [cause, ps] : path_other_ps_)
    if (ps > 0) shares[cause_name(cause)] += ps;
  if (idle_ps > 0) shares[cause_name(blame(Cause::idle))] += idle_ps;
  for (const auto& [name, ps] : shares)
    record.shares.push_back(
        {name, lanes_ps > 0 ? static_cast<double>(ps) / static_cast<double>(lanes_ps) : 0,
         static_cast<double>(ps) * 1e-12});
  std::sort(record.shares.begin(), record.shares.end(), [](const Share& a, const Share& b) {
    return a.seconds != b.seconds ? a.seconds > b.seconds : a.cause < b.cause;
  });

  record.stat("steps.count", static_cast<double>(steps_), "1", "steps (engine iterations) run");
  std::vector<std::int64_t> engine_ps = engine_ps_;
  for (const RankGroup& group :
       machine_.groups()) {  // twins of a simulated rank were as busy as it
    const Device& rep = machine_.devices()[at(group.members.front())];
    for (std::size_t m = 1; m < group.members.size(); ++m) {
      const Device& twin = machine_.devices()[at(group.members[m])];
      for (std::size_t i = 0; i < rep.engines.size(); ++i)
        if (engine_ps_[at(twin.engines.at(i))] == 0)
          engine_ps[at(twin.engines[i])] = engine_ps_[at(rep.engines[i])];
    }
  }
  for (std::size_t e = 0; e < engine_ps.size(); ++e)
    record.stat("engine." + machine_.engines()[e].name + ".busy_fraction",
                seconds > 0 ? static_cast<double>(engine_ps[e]) * 1e-12 / seconds : 0, "1",
                "share of the run in which an op ran on this engine");
  for (std::size_t r = 0; r < all.size(); ++r) {
    const Resource& what = machine_.resources()[r];
    record.stat("resource." + what.name + ".utilisation",
                seconds > 0 ? static_cast<double>(all[r].used_ps) * 1e-12 / seconds : 0, "1",
                "device time used over the run: " + what.meaning);
    record.stat("resource." + what.name + ".moved", static_cast<double>(all[r].moved), what.unit,
                "total that passed: " + what.meaning);
  }

  const std::vector<Traffic> bytes = traffic();
  for (std::size_t t = 0; t < bytes.size(); ++t) {
    const Tier& tier = machine_.tiers()[t];
    const Tally& tally = all[at(tier.resource)];
    TierTraffic row;
    row.tier = tier.name;
    row.read_bytes = static_cast<double>(bytes[t].read);
    row.written_bytes = static_cast<double>(bytes[t].written);
    row.joules =
        static_cast<double>(tally.moved) * machine_.resources()[at(tier.resource)].joules_per_unit;
    row.busy_fraction = seconds > 0 ? static_cast<double>(tally.used_ps) * 1e-12 / seconds : 0;
    row.capacity_bytes = tier.capacity.value();
    record.tiers.push_back(row);
  }

  for (const Row& r : rows_) {
    OpBreakdown row;
    row.label = r.label;
    row.kind = name_of(r.kind);
    row.count = r.count;
    row.seconds = static_cast<double>(r.busy_ps) * 1e-12;
    row.bound_seconds = static_cast<double>(r.bound_ps) * 1e-12;
    row.flops = static_cast<double>(r.flops);
    row.read_bytes = static_cast<double>(r.read);
    row.written_bytes = static_cast<double>(r.written);
    const auto worst =
        std::max_element(r.cause_ps.begin(), r.cause_ps.end(),
                         [](const auto& a, const auto& b) { return a.second < b.second; });
    if (worst != r.cause_ps.end()) row.bottleneck = cause_name(worst->first);
    record.ops.push_back(row);
  }
  std::sort(record.ops.begin(), record.ops.end(), [](const OpBreakdown& a, const OpBreakdown& b) {
    return a.seconds != b.seconds ? a.seconds > b.seconds : a.label < b.label;
  });
  report_energy(record, all, end);
}

void Accounts::report_energy(Record& record, const std::vector<Tally>& all, Time end) const {
  double total = 0, cost_per_second = 0;
  const auto& devices = machine_.devices();
  std::vector<double> joules(devices.size());
  double links = 0;
  for (std::size_t r = 0; r < all.size(); ++r) {
    const Resource& what = machine_.resources()[r];
    const double used = static_cast<double>(all[r].moved) * what.joules_per_unit;
    (what.device == none ? links : joules[at(what.device)]) += used;
  }
  for (std::size_t d = 0; d < devices.size(); ++d) {
    joules[d] += devices[d].idle_power.value() * end.seconds();
    total += joules[d];
    cost_per_second += devices[d].cost.value();
    record.stat("energy." + devices[d].name, joules[d], "J",
                "idle power over the run and all bytes and FLOPs of this device");
  }
  total += links;
  record.stat("energy.links", links, "J", "bytes over all links");
  record.stat("energy.total", total, "J", "all devices and links");
  record.stat("power.mean", end.ps() > 0 ? total / end.seconds() : 0, "W",
              "energy.total over the run");
  record.stat("cost.per_hour", cost_per_second * 3600, "USD/h", "price of all devices");
}

}  // namespace terrace
