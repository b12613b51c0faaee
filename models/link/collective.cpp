// Choosing among the algorithms of a collective, and the flow that the chosen one makes.
#include "models/link/collective.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <tuple>

namespace terrace {
namespace {

// The device that a send of the first member goes to; none: the next member.
DeviceId target_of(const Op& op, const Machine& machine) {
  if (op.collective != Collective::send) return none;
  for (const Access& a : op.accesses)
    if (a.direction == Direction::write) return machine.tier(a.tier).device;
  return none;
}

// The device that reduces in flight, when all traffic of the group passes through it alone.
const Device* reducing_switch(const std::vector<DeviceId>& members, const Machine& machine) {
  const Route& route = machine.route(members[0], members[1]);
  if (route.through.size() != 1) return nullptr;
  for (std::size_t i = 2; i < members.size(); ++i)
    if (machine.route(members[0], members[i]).through != route.through) return nullptr;
  const Device& device = machine.devices()[static_cast<std::size_t>(route.through[0])];
  return device.facts.count("reduction.efficiency") != 0 ? &device : nullptr;
}

}  // namespace

const char* Collectives::name_of(Algorithm a) {
  static constexpr const char* names[] = {"flagged ring", "bulk ring", "one-shot", "two-shot",
                                          "in switch"};
  return names[static_cast<std::size_t>(a)];
}

bool Collectives::Key::operator<(const Key& o) const {
  return std::tie(group, shape, target) < std::tie(o.group, o.shape, o.target);
}

const PeerPattern& Collectives::pattern(const Op& op, const Machine& machine, Shape shape) const {
  const Key key{op.group, shape, target_of(op, machine)};
  const auto found = patterns_.find(key);
  if (found != patterns_.end()) return found->second;
  const std::vector<DeviceId>& members = machine.group(op.group).members;
  std::vector<PeerEdge> edges;
  if (shape == Shape::all_pairs) {
    edges = all_edges(members);
  } else if (shape == Shape::onward && key.target != none) {
    for (DeviceId m : members) edges.push_back({m, m + key.target - members.front()});
  } else {
    edges = ring_edges(members);
  }
  return patterns_.emplace(key, lay_pattern(machine, members, edges)).first->second;
}

Collectives::Outlook Collectives::choose(const Op& op, const Machine& machine, bool shots) const {
  if (op.kind != OpKind::collective || op.group == none)
    throw std::logic_error(std::string("op ") + op.label + " is no collective of a rank group");
  const std::vector<DeviceId>& members = machine.group(op.group).members;
  const auto n = static_cast<double>(members.size());
  const double message = op.message_bytes;
  const bool send = op.collective == Collective::send;
  const bool reduce_all = op.collective == Collective::all_reduce;
  if (members.size() < 2 && (!send || target_of(op, machine) == none))
    throw std::logic_error(std::string("collective ") + op.label + " has nobody to talk to");

  const Shape shape = send                                      ? Shape::onward
                      : op.collective == Collective::all_to_all ? Shape::all_pairs
                                                                : Shape::ring;
  Outlook best;
  best.pattern = &pattern(op, machine, shape);
  best.seconds_per_byte = best.pattern->seconds_per_byte;
  const PeerCosts& c = best.pattern->costs;

  // Every step passes 1/n of the message on; a rank's own share is moved on the spot, half of it
  // while the ring already turns.
  const double steps = send ? 1 : reduce_all ? 2 * (n - 1) : n - 1;
  best.bytes = send ? message : steps / n * message;
  best.beside = send ? 0 : 0.5 * message / n / c.local_copy.value();
  best.latency = c.bulk_start.value() + steps * c.bulk_hop.value();
  const Outlook bulk = best;
  const auto consider = [&](const Outlook& other) {
    if (other.seconds() < best.seconds()) best = other;
  };

  Outlook flagged = bulk;
  flagged.algorithm = Algorithm::flagged_ring;
  flagged.latency = c.ring_start.value() + steps * c.ring_hop.value();
  flagged.overhead = c.flag_overhead;
  flagged.beside *= c.flag_overhead;
  consider(flagged);
  if (!reduce_all) return best;

  if (members.size() > 2) {
    if (const Device* device = reducing_switch(members, machine)) {
      Outlook in_switch =
          bulk;  // each rank's message goes up once, and its share of the sum once more
      in_switch.algorithm = Algorithm::in_switch;
      in_switch.latency = c.bulk_start.value() + device->facts.at("reduction.latency");
      in_switch.bytes = (1 + 1 / n) * message;
      in_switch.slowdown = 1 / device->facts.at("reduction.efficiency");
      in_switch.beside = 0;
      consider(in_switch);
    }
  }
  if (shots && message < c.shot_limit.value() && static_cast<int>(members.size()) <= c.shot_ranks) {
    Outlook one;  // every rank reads everything
    one.pattern = &pattern(op, machine, Shape::all_pairs);
    one.seconds_per_byte = one.pattern->seconds_per_byte;
    one.algorithm = Algorithm::one_shot;
    one.latency = c.shot_start.value() + n * c.shot_peer.value();
    one.bytes = (n - 1) * message;
    consider(one);
    Outlook two = one;  // every rank reads and sums a share, then reads the others' sums
    two.algorithm = Algorithm::two_shot;
    two.latency += c.shot_stage.value();
    two.bytes = 2 * (n - 1) / n * message;
    consider(two);
  }
  return best;
}

void Collectives::plan(const Op& op, const Machine& machine, OpPlan& plan) const {
  const Outlook chosen = choose(op, machine);
  plan.latency = Time::nearest(Seconds(chosen.latency));
  plan.latency_cause = Cause::latency;
  if (!(chosen.bytes > 0)) return;
  FlowSpec flow;
  flow.amount = chosen.bytes;
  for (const PeerPattern::Load& l : chosen.pattern->loads)
    flow.add_hop(l.resource, l.weight * chosen.overhead * chosen.slowdown,
                 l.copies * chosen.overhead);
  const DeviceId self = machine.group(op.group).members.front();
  for (const Access& a : op.accesses) {
    if (machine.tier(a.tier).device != self) continue;  // the receiver's: its twin loads ours
    flow.add_hop(machine.tier(a.tier).resource,
                 a.bytes / chosen.bytes * machine.weight(a.tier, a.direction, a.run_length),
                 a.bytes / chosen.bytes);
  }
  flow.max_rate = chosen.bytes / (chosen.seconds() - chosen.latency);
  flow.limiter = chosen.pattern->slowest;
  plan.flows.push_back(std::move(flow));
}

void plan_collective(const Op& op, const Machine& machine, OpPlan& plan) {
  Collectives().plan(op, machine, plan);
}

}  // namespace terrace
