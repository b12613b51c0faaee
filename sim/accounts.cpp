// Counting work, time and the critical path.
#include "sim/accounts.h"

#include <algorithm>
#include <cmath>

namespace terrace {
namespace {
std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }
}  // namespace

Accounts::Accounts(const Machine& machine)
    : machine_(machine),
      engine_ps_(machine.engines().size()),
      path_resource_ps_(machine.resources().size()) {}

std::int32_t Accounts::label(const Op& op) {
  for (std::size_t i = 0; i < rows_.size(); ++i)
    if (rows_[i].label == op.label && rows_[i].kind == op.kind) return static_cast<std::int32_t>(i);
  Row row;
  row.label = op.label;
  row.kind = op.kind;
  rows_.push_back(std::move(row));
  return static_cast<std::int32_t>(rows_.size()) - 1;
}

void Accounts::work(const Op& op, std::int32_t row, const OpPlan& plan, const FlowNetwork& network,
                    std::int64_t times) {
  const std::size_t group = at(op.group) + 1;  // none (-1) counts into 0
  if (by_group_.size() <= group) {
    by_group_.resize(group + 1);
    traffic_by_group_.resize(group + 1);
  }
  if (by_group_[group].empty()) {
    by_group_[group].resize(machine_.resources().size());
    traffic_by_group_[group].resize(machine_.tiers().size());
  }
  double bound = 0;
  for (const FlowSpec& flow : plan.flows) {
    FlowNetwork::count(flow, network, by_group_[group], times);
    for (const Hop& h : flow.hops)
      bound = std::max(bound, h.copies * flow.amount / network.capacity(h.resource));
  }
  Row& r = rows_[at(row)];
  r.bound_ps += std::llround(bound * 1e12) * times;
  r.flops += static_cast<__int128>(std::llround(op.flops)) * times;
  for (const Access& a : op.accesses) {
    const __int128 bytes = static_cast<__int128>(std::llround(a.bytes)) * times;
    Traffic& t = traffic_by_group_[group][at(a.tier)];
    (a.direction == Direction::read ? r.read : r.written) += bytes;
    (a.direction == Direction::read ? t.read : t.written) += bytes;
  }
}

void Accounts::time(const Op& op, std::int32_t row, Time busy, std::int32_t cause,
                    std::int64_t times) {
  Row& r = rows_[at(row)];
  r.count += times;
  r.busy_ps += busy.ps() * times;
  r.cause_ps[cause] += busy.ps() * times;
  engine_ps_[at(op.engine)] += busy.ps() * times;
}

void Accounts::path(std::int32_t cause, Time spent) {
  if (cause >= 0)
    path_resource_ps_[at(cause)] += spent.ps();
  else
    path_other_ps_[cause] += spent.ps();
}

Time Accounts::lane_ended(std::int32_t lane) const {
  return at(lane) < lanes_.size() ? lanes_[at(lane)].ended : Time();
}

void Accounts::step(std::int32_t lane, Time started, Time ended) {
  ++steps_;
  if (lane < 0) return;
  if (lanes_.size() <= at(lane)) lanes_.resize(at(lane) + 1);
  Lane& l = lanes_[at(lane)];
  l.busy_ps += (ended - std::max(started, l.ended)).ps();
  l.ended = ended;
}

std::int64_t Accounts::path_ps() const {
  std::int64_t sum = 0;
  for (std::int64_t ps : path_resource_ps_) sum += ps;
  for (const auto& [cause, ps] : path_other_ps_) sum += ps;
  return sum;
}

// The link that does for `member` what `link_resource` does for the simulated rank.
ResourceId Accounts::twin_link(ResourceId link_resource, DeviceId rep, DeviceId member) const {
  for (const LinkInfo& l : machine_.links()) {
    if (l.forward != link_resource && l.backward != link_resource) continue;
    if (l.from != rep && l.to != rep) return -1;
    const DeviceId other = l.from == rep ? l.to : l.from;
    for (const LinkInfo& twin : machine_.links()) {
      const bool same_way = l.from == rep ? twin.from == member && twin.to == other
                                          : twin.to == member && twin.from == other;
      if (same_way) return l.forward == link_resource ? twin.forward : twin.backward;
    }
  }
  return -1;
}

// Folded ranks are counted where they would have worked: on their own twins of the representative's
// resources.
std::vector<Tally> Accounts::tallies() const {
  std::vector<Tally> all(machine_.resources().size());
  const auto add = [&](ResourceId to, const Tally& t) {
    all[at(to)].moved += t.moved;
    all[at(to)].used_ps += t.used_ps;
  };
  for (std::size_t g = 0; g < by_group_.size(); ++g) {
    const auto& mine = by_group_[g];
    for (std::size_t r = 0; r < mine.size(); ++r) add(static_cast<ResourceId>(r), mine[r]);
    if (g == 0 || mine.empty()) continue;
    const RankGroup& group = machine_.group(static_cast<GroupId>(g) - 1);
    const Device& rep = machine_.devices()[at(group.members.front())];
    for (std::size_t m = 1; m < group.members.size(); ++m) {
      const Device& member = machine_.devices()[at(group.members[m])];
      for (std::size_t i = 0; i < rep.resources.size(); ++i)
        add(member.resources.at(i), mine[at(rep.resources[i])]);
      for (std::size_t r = 0; r < mine.size(); ++r) {
        if (machine_.resources()[r].device != none || mine[r].moved == 0) continue;
        const ResourceId twin =
            twin_link(static_cast<ResourceId>(r), group.members.front(), group.members[m]);
        if (twin >= 0 && twin != static_cast<ResourceId>(r)) add(twin, mine[r]);
      }
    }
  }
  return all;
}

std::vector<Accounts::Traffic> Accounts::traffic() const {
  std::vector<Traffic> all(machine_.tiers().size());
  for (std::size_t g = 0; g < traffic_by_group_.size(); ++g) {
    for (std::size_t t = 0; t < traffic_by_group_[g].size(); ++t) {
      const Traffic& mine = traffic_by_group_[g][t];
      const DeviceId home = machine_.tiers()[t].device;
      const std::size_t ranks =
          g == 0 ? 1 : machine_.group(static_cast<GroupId>(g) - 1).members.size();
      const bool own = g > 0 && home == machine_.group(static_cast<GroupId>(g) - 1).members.front();
      const auto copies = static_cast<__int128>(own ? 1 : ranks);  // all ranks use a shared tier
      all[t].read += mine.read * copies;
      all[t].written += mine.written * copies;
      if (!own) continue;
      const RankGroup& group = machine_.group(static_cast<GroupId>(g) - 1);
      const Device& rep = machine_.devices()[at(home)];
      const auto place =
          std::find(rep.tiers.begin(), rep.tiers.end(), static_cast<TierId>(t)) - rep.tiers.begin();
      for (std::size_t m = 1; m < group.members.size(); ++m) {
        Traffic& twin = all[at(machine_.devices()[at(group.members[m])].tiers.at(at(place)))];
        twin.read += mine.read;
        twin.written += mine.written;
      }
    }
  }
  return all;
}

}  // namespace terrace
