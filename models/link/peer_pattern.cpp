// Counting how often the routes of a group's edges pass each resource.
#include "models/link/peer_pattern.h"

#include <algorithm>
#include <limits>

namespace terrace {
namespace {

std::size_t at(std::int32_t i) { return static_cast<std::size_t>(i); }

class Counter {
 public:
  Counter(const Machine& machine, const std::vector<DeviceId>& members)
      : machine_(machine), members_(members) {}

  // `share`: of the bytes that one rank sends, how many go this way.
  void add(const PeerEdge& edge, double share) {
    const Route& route = machine_.route(edge.from, edge.to);
    for (const RouteLeg& leg : route.legs) {
      const LinkInfo& link = machine_.links()[at(leg.link)];
      const PeerCosts costs = PeerCosts::ask(link);
      if (costs.rate < slowest_) {
        slowest_ = costs.rate;
        pattern.costs = costs;
      }
      if (!stands_for_others(link)) continue;
      const ResourceId resource = leg.forward ? link.forward : link.backward;
      const double capacity = machine_.resources()[at(resource)].capacity;
      load(resource, share * capacity / costs.rate.value(), share);
    }
    for (DeviceId through : route.through)
      for (const Hop& hop : machine_.devices()[at(through)].transit)
        load(hop.resource, share * hop.weight, share * hop.copies);
  }

  PeerPattern pattern;

 private:
  // The first member's own links, and links that belong to no member.
  bool stands_for_others(const LinkInfo& link) const {
    const auto is_member = [&](DeviceId d) {
      return std::find(members_.begin(), members_.end(), d) != members_.end();
    };
    const DeviceId first = members_.front();
    return link.from == first || link.to == first || !(is_member(link.from) || is_member(link.to));
  }

  void load(ResourceId resource, double weight, double copies) {
    for (PeerPattern::Load& l : pattern.loads)
      if (l.resource == resource) {
        l.weight += weight;
        l.copies += copies;
        return;
      }
    pattern.loads.push_back({resource, weight, copies});
  }

  const Machine& machine_;
  const std::vector<DeviceId>& members_;
  BytesPerSecond slowest_{std::numeric_limits<double>::infinity()};
};

}  // namespace

PeerPattern lay_pattern(const Machine& machine, const std::vector<DeviceId>& members,
                        const std::vector<PeerEdge>& edges) {
  Counter counter(machine, members);
  const double share = static_cast<double>(members.size()) /
                       static_cast<double>(std::max<std::size_t>(edges.size(), 1));
  for (const PeerEdge& edge : edges) counter.add(edge, share);
  PeerPattern pattern = std::move(counter.pattern);
  for (const PeerPattern::Load& l : pattern.loads) {
    const double seconds = l.weight / machine.resources()[at(l.resource)].capacity;
    if (seconds <= pattern.seconds_per_byte) continue;
    pattern.seconds_per_byte = seconds;
    pattern.slowest = l.resource;
  }
  return pattern;
}

std::vector<PeerEdge> ring_edges(const std::vector<DeviceId>& members) {
  std::vector<PeerEdge> edges;
  for (std::size_t i = 0; i < members.size(); ++i)
    edges.push_back({members[i], members[(i + 1) % members.size()]});
  return edges;
}

std::vector<PeerEdge> all_edges(const std::vector<DeviceId>& members) {
  std::vector<PeerEdge> edges;
  for (DeviceId from : members)
    for (DeviceId to : members)
      if (from != to) edges.push_back({from, to});
  return edges;
}

}  // namespace terrace
