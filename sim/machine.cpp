// Building the machine's graph, finding routes and weighing paths for rank groups.
#include "sim/machine.h"

#include <algorithm>
#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/dijkstra_shortest_paths.hpp>
#include <stdexcept>
#include <tuple>

#include "sim/memory_service.h"

namespace terrace {
namespace {

std::size_t at(std::int32_t id) { return static_cast<std::size_t>(id); }

template <class T>
std::int32_t add(std::vector<T>& list, T item) {
  list.push_back(std::move(item));
  return static_cast<std::int32_t>(list.size()) - 1;
}

template <class T>
std::int32_t find_named(const std::vector<T>& list, const std::string& name) {
  const auto found =
      std::find_if(list.begin(), list.end(), [&](const T& x) { return x.name == name; });
  return found == list.end() ? none : static_cast<std::int32_t>(found - list.begin());
}

}  // namespace

Fidelity Machine::fidelity(const std::string& name) {
  if (std::find(detailed_.begin(), detailed_.end(), name) == detailed_.end())
    detailed_.push_back(name);  // a link asks for its copies and for its loads
  const auto found = fidelity_.find(name);
  return found == fidelity_.end() ? Fidelity::flow : found->second;
}

DeviceId Machine::add_device(Device device) { return add(devices_, std::move(device)); }

ResourceId Machine::add_resource(Resource resource) {
  if (!(resource.capacity > 0))
    throw std::logic_error("resource " + resource.name + " has no capacity");
  const DeviceId owner = resource.device;
  const ResourceId id = add(resources_, std::move(resource));
  if (owner != none) devices_[at(owner)].resources.push_back(id);
  return id;
}

TierId Machine::add_tier(Tier tier) {
  const DeviceId owner = tier.device;
  const TierId id = add(tiers_, std::move(tier));
  devices_[at(owner)].tiers.push_back(id);
  return id;
}

EngineId Machine::add_engine(EngineInfo engine) {
  const DeviceId owner = engine.device;
  const EngineId id = add(engines_, std::move(engine));
  devices_[at(owner)].engines.push_back(id);
  return id;
}

std::int32_t Machine::add_link(LinkInfo link) { return add(links_, std::move(link)); }

GroupId Machine::add_group(RankGroup group) {
  if (group.members.empty()) throw std::logic_error("a rank group needs a member");
  for (std::size_t i = 0; i < groups_.size(); ++i)
    if (groups_[i].members == group.members) return static_cast<GroupId>(i);
  return add(groups_, std::move(group));
}

std::vector<DeviceId> Machine::devices_of(const std::string& kind) const {
  std::vector<DeviceId> found;
  for (std::size_t i = 0; i < devices_.size(); ++i)
    if (devices_[i].kind == kind) found.push_back(static_cast<DeviceId>(i));
  return found;
}

DeviceId Machine::find_device(const std::string& name) const { return find_named(devices_, name); }
TierId Machine::find_tier(const std::string& name) const { return find_named(tiers_, name); }
EngineId Machine::find_engine(const std::string& name) const { return find_named(engines_, name); }

// Dijkstra over latency plus the time of 1 MiB, so that a short thin link does not beat a wide one.
void Machine::find_routes(DeviceId from) const {
  if (std::find(routed_.begin(), routed_.end(), from) != routed_.end()) return;
  routed_.push_back(from);
  struct EdgeCost {
    double seconds;
    std::int32_t link;
  };
  using Graph = boost::adjacency_list<boost::vecS, boost::vecS, boost::undirectedS,
                                      boost::no_property, EdgeCost>;
  Graph graph(devices_.size());
  for (std::size_t i = 0; i < links_.size(); ++i) {
    const LinkInfo& l = links_[i];
    boost::add_edge(at(l.from), at(l.to),
                    EdgeCost{l.latency.value() + 1048576.0 / l.rate, static_cast<std::int32_t>(i)},
                    graph);
  }
  std::vector<Graph::vertex_descriptor> before(devices_.size());
  std::vector<double> cost(devices_.size());
  boost::dijkstra_shortest_paths(graph, at(from),
                                 boost::weight_map(boost::get(&EdgeCost::seconds, graph))
                                     .predecessor_map(before.data())
                                     .distance_map(cost.data()));
  for (std::size_t to = 0; to < devices_.size(); ++to) {
    if (to != at(from) && before[to] == to) continue;  // not reachable
    Route route;
    for (std::size_t v = to; v != at(from); v = before[v]) {
      const std::size_t u = before[v];
      std::int32_t best = none;
      for (auto [e, end] = boost::out_edges(v, graph); e != end; ++e)
        if (boost::target(*e, graph) == u &&
            (best == none || graph[*e].seconds < links_[at(best)].latency.value() +
                                                     1048576.0 / links_[at(best)].rate))
          best = graph[*e].link;
      route.legs.push_back({best, links_[at(best)].from == static_cast<DeviceId>(u)});
      if (u != at(from)) route.through.push_back(static_cast<DeviceId>(u));
      route.latency += links_[at(best)].latency;
    }
    std::reverse(route.legs.begin(), route.legs.end());
    std::reverse(route.through.begin(), route.through.end());
    routes_[{from, static_cast<DeviceId>(to)}] = std::move(route);
  }
}

bool Machine::reachable(DeviceId a, DeviceId b) const {
  find_routes(a);
  return routes_.count({a, b}) != 0;
}

const Route& Machine::route(DeviceId a, DeviceId b) const {
  find_routes(a);
  const auto found = routes_.find({a, b});
  if (found == routes_.end())
    throw std::runtime_error("no route from " + devices_.at(at(a)).name + " to " +
                             devices_.at(at(b)).name);
  return found->second;
}

double Machine::weight(TierId id, Direction direction, double run_length) const {
  const Tier& t = tier(id);
  return t.cost ? t.cost(direction, run_length) : 1.0;
}

std::vector<double> Machine::capacities() const {
  std::vector<double> all;
  all.reserve(resources_.size());
  for (const Resource& r : resources_) all.push_back(r.capacity);
  return all;
}

// Patterns that fill each other's gaps are not credited: none gets more than it would alone.
double Machine::left(ResourceId memory, const Share* shares, std::size_t count) const {
  const MemoryService* service = resources_[at(memory)].service.get();
  if (service == nullptr) return 1;
  boost::container::small_vector<AccessPart, 8> parts;
  double apart = 0, bytes = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t first = parts.size();
    const Mix& mix = shares[i].mix;
    const double written = shares[i].bytes * mix.write_share;
    if (mix.write_share < 1)
      parts.push_back({shares[i].bytes - written, mix.read_run, Direction::read});
    if (mix.write_share > 0) parts.push_back({written, mix.write_run, Direction::write});
    apart += shares[i].bytes / service->efficiency(parts.data() + first, parts.size() - first);
    bytes += shares[i].bytes;
  }
  if (!(bytes > 0)) return 1;
  return std::min(1.0, apart * service->efficiency(parts.data(), parts.size()) / bytes);
}

bool Machine::PathKey::operator<(const PathKey& o) const {
  return std::tie(from_device, from_tier, to_device, to_tier, group) <
         std::tie(o.from_device, o.from_tier, o.to_device, o.to_tier, o.group);
}

Machine::Path Machine::single_path(End from, End to) const {
  Path path;
  const auto memory = [&](TierId id, Direction direction) {
    if (id == none) return;
    const Tier& t = tier(id);
    path.hops.push_back({{t.resource, 1, 1, {}}, none, true, direction, id});
    const ResourceId port = direction == Direction::read ? t.read_port : t.write_port;
    if (port >= 0) path.hops.push_back({{port, 1, 1, {}}, none, false, direction, id});
    path.latency += direction == Direction::read ? t.read_latency : t.write_latency;
  };
  memory(from.tier, Direction::read);
  if (from.device != to.device) {
    const Route& r = route(from.device, to.device);
    for (const RouteLeg& leg : r.legs) {
      const LinkInfo& l = links_[at(leg.link)];
      path.hops.push_back({{leg.forward ? l.forward : l.backward, 1, 1, {}},
                           leg.link,
                           false,
                           leg.forward ? Direction::read : Direction::write,
                           none});
    }
    for (DeviceId d : r.through)
      for (const Hop& h : devices_[at(d)].transit)
        path.hops.push_back({h, none, false, Direction::read, none});
    path.latency += r.latency;
  }
  memory(to.tier, Direction::write);
  return path;
}

// The representative's path, each hop counted as often as the members' own paths pass that
// resource.
const Machine::Path& Machine::path(const PathKey& key) const {
  const auto found = paths_.find(key);
  if (found != paths_.end()) return found->second;
  Path folded = single_path({key.from_device, key.from_tier}, {key.to_device, key.to_tier});
  if (key.group != none) {
    const RankGroup& g = group(key.group);
    const Device& first = devices_[at(g.members.front())];
    const auto twin = [&](End end, DeviceId member) {  // what `end` is for another member
      if (end.device != g.members.front()) return end;
      End other{member, none};
      for (std::size_t i = 0; i < first.tiers.size(); ++i)
        if (first.tiers[i] == end.tier) other.tier = devices_[at(member)].tiers.at(i);
      return other;
    };
    for (std::size_t m = 1; m < g.members.size(); ++m) {
      const Path theirs = single_path(twin({key.from_device, key.from_tier}, g.members[m]),
                                      twin({key.to_device, key.to_tier}, g.members[m]));
      for (const PathHop& h : theirs.hops)
        for (PathHop& mine : folded.hops)
          if (mine.hop.resource == h.hop.resource) {
            mine.hop.weight += h.hop.weight;
            mine.hop.copies += h.hop.copies;
            break;
          }
    }
  }
  return paths_.emplace(key, std::move(folded)).first->second;
}

FlowSpec Machine::transfer(End from, End to, double bytes, double run_length, GroupId group,
                           Seconds* latency, Mover mover) const {
  const Path& p = path({from.device, from.tier, to.device, to.tier, group});
  FlowSpec flow;
  flow.amount = bytes;
  for (const PathHop& h : p.hops) {
    double cost = 1;
    if (h.memory) {
      cost = weight(h.tier, h.direction, run_length);
      if (tier(h.tier).max_rate < flow.max_rate) {
        flow.max_rate = tier(h.tier).max_rate;
        flow.limiter = h.hop.resource;
      }
    } else if (h.link != none) {
      const LinkInfo& l = links_[at(h.link)];
      const bool loads = mover == Mover::loads;
      const PatternCost& tax = loads && l.load_cost ? l.load_cost : l.cost;
      if (tax) cost = tax(h.direction, run_length);
      if (const auto& rate = loads && l.load_rate ? l.load_rate : l.max_rate) {
        const double limit = rate(h.direction, run_length);
        if (limit < flow.max_rate) {
          flow.max_rate = limit;
          flow.limiter = h.hop.resource;
        }
      }
    }
    Mix mix;
    if (h.memory) {
      mix.write_share = h.direction == Direction::write ? 1 : 0;
      (h.direction == Direction::write ? mix.write_run : mix.read_run) =
          static_cast<float>(run_length);
    }
    flow.add_hop(h.hop.resource, h.hop.weight * cost, h.hop.copies, mix);
  }
  if (latency != nullptr) *latency = p.latency;
  return flow;
}

}  // namespace terrace
