// The machine at flow level: devices joined by links, their memories (tiers), engines and shared
// resources. Components and links (models/) build it; the executor and the workloads read it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sim/flow_network.h"
#include "sim/op_graph.h"
#include "sim/units.h"

namespace terrace {

class MemoryService;

using DeviceId = std::int32_t;

// What a stretch of time was spent on when no resource is to blame.
enum class Cause : std::int32_t { launch = -2, latency = -3, host = -4, queueing = -5, idle = -6 };
constexpr std::int32_t blame(Cause c) {
  return static_cast<std::int32_t>(c);
}  // shares one number line with ResourceId

enum class ResourceClass : std::uint8_t { compute, cache, memory, link, storage, host };

struct Resource {
  std::string name;            // "gpu0.hbm"
  std::string unit;            // "B" or "FLOP"
  double capacity = 0;         // units per second
  double joules_per_unit = 0;  // dynamic energy
  ResourceClass group = ResourceClass::memory;
  std::string meaning;
  DeviceId device = none;  // none: a link
  std::shared_ptr<const MemoryService> service =
      {};  // of a memory; null: patterns do not meet there
};

// How much device time one useful byte takes, relative to a byte at peak: 1/efficiency for that
// pattern.
using PatternCost = std::function<double(Direction, double run_length)>;

struct Tier {
  std::string name;  // "gpu0.hbm"
  DeviceId device = none;
  ResourceId resource = -1;  // the one all its bytes pass
  Bytes capacity;            // as the driver reports it
  Bytes reserved;            // taken by the runtime (context, firmware) before any workload
  Seconds read_latency, write_latency;
  double max_rate = std::numeric_limits<double>::infinity();  // what one requester can draw, B/s
  PatternCost cost;                                           // empty: 1 for every pattern
  ResourceId read_port = -1, write_port = -1;  // further per-direction resources, if any
};

// What an op needs of the machine: first `latency`, then all flows at once; it ends with the last
// of them.
struct OpPlan {
  Time latency;
  Cause latency_cause = Cause::launch;
  boost::container::small_vector<FlowSpec, 4> flows;
  void clear() {
    latency = Time();
    latency_cause = Cause::launch;
    flows.clear();
  }
};

class Machine;

// Does ops one at a time, in the order steps were handed over: a GPU stream, a copy engine, a CPU,
// a DMA.
class Engine {
 public:
  virtual ~Engine() = default;
  virtual void plan(const Op& op, const Machine& machine,
                    OpPlan& plan) const = 0;  // `plan` comes in cleared
};

struct EngineInfo {
  std::string name;  // "gpu0.compute"
  DeviceId device = none;
  std::unique_ptr<Engine> engine;
};

struct Device {
  std::string name;  // "gpu0"
  std::string kind;  // "gpu"
  Watts idle_power;
  DollarsPerSecond cost;
  std::vector<TierId> tiers;
  std::vector<EngineId> engines;
  std::vector<ResourceId> resources;  // in the order built: equal devices have equal lists
  std::vector<Hop> transit;           // what a byte that only passes through uses (a bounce buffer)
  std::map<std::string, double> facts;  // what workloads may ask: "sm_count", "total_flops.bf16"
};

// A link joins two devices; each direction has a resource of its own.
struct LinkInfo {
  std::string name;  // "pcie0"
  DeviceId from = none, to = none;
  ResourceId forward = -1, backward = -1;
  Seconds latency;
  double rate = 0;   // units per second one way, for routing
  PatternCost cost;  // framing and per-transfer tax by run length; empty: 1
  // One stream of pieces of that size; read: forward. Empty: no limit.
  std::function<double(Direction, double run_length)> max_rate;
  // The same for what kernels load and store themselves, without an engine's copies; empty: alike.
  PatternCost load_cost;
  std::function<double(Direction, double run_length)> load_rate;
  std::map<std::string, double> facts;  // what collectives may ask (models/link/peer_costs.h)
};

struct RouteLeg {
  std::int32_t link;
  bool forward;
};
struct Route {
  std::vector<RouteLeg> legs;
  std::vector<DeviceId> through;  // devices between the ends
  Seconds latency;
};

// Ranks that do the same thing at the same time. One of them, `members[0]`, is simulated; on
// resources that several members share, its flows weigh as much as all of theirs together.
struct RankGroup {
  std::vector<DeviceId> members;
};

// What moves bytes over links: copy engines, or a kernel's own loads and stores.
enum class Mover : std::uint8_t { copies, loads };

// How closely a device is modelled: by its service curve, or by driving it burst by burst.
enum class Fidelity : std::uint8_t { flow, burst };

class Machine final : public Contention {
 public:
  // --- told before anything is built ---
  void set_fidelity(std::map<std::string, Fidelity> by_name) { fidelity_ = std::move(by_name); }

  // --- told by components and links ---
  Fidelity fidelity(const std::string& name);  // asked when what has the name is built
  DeviceId add_device(Device device);
  ResourceId add_resource(Resource resource);  // joins the list of its device
  TierId add_tier(Tier tier);
  // What patterns that meet on that memory get; null: they do not disturb each other.
  void serve(ResourceId memory, std::shared_ptr<const MemoryService> service) {
    resources_.at(static_cast<std::size_t>(memory)).service = std::move(service);
  }
  EngineId add_engine(EngineInfo engine);
  std::int32_t add_link(LinkInfo link);
  GroupId add_group(RankGroup group);  // the same members give the same id
  Device& device(DeviceId id) { return devices_.at(static_cast<std::size_t>(id)); }

  // --- asked by workloads, engines and the executor ---
  const std::vector<Device>& devices() const { return devices_; }
  const std::vector<Resource>& resources() const { return resources_; }
  const std::vector<Tier>& tiers() const { return tiers_; }
  const std::vector<EngineInfo>& engines() const { return engines_; }
  const std::vector<LinkInfo>& links() const { return links_; }
  const Tier& tier(TierId id) const { return tiers_.at(static_cast<std::size_t>(id)); }
  const RankGroup& group(GroupId id) const { return groups_.at(static_cast<std::size_t>(id)); }
  std::size_t ranks(GroupId id) const { return id == none ? 1 : group(id).members.size(); }
  const std::vector<RankGroup>& groups() const { return groups_; }
  std::vector<DeviceId> devices_of(const std::string& kind) const;
  DeviceId find_device(const std::string& name) const;  // none when there is no such name
  TierId find_tier(const std::string& name) const;
  EngineId find_engine(const std::string& name) const;

  const std::vector<std::string>& detailed() const { return detailed_; }  // who asked fidelity()
  bool reachable(DeviceId a, DeviceId b) const;
  const Route& route(DeviceId a, DeviceId b)
      const;  // least time for 1 MiB; throws std::runtime_error if there is none

  // A flow of `bytes` from one tier to another (either may be none: an engine's own buffers on that
  // device), in pieces of `run_length`. Adds memory, link and transit hops, weighed for the whole
  // group.
  struct End {
    DeviceId device = none;
    TierId tier = none;
  };
  FlowSpec transfer(End from, End to, double bytes, double run_length, GroupId group,
                    Seconds* latency, Mover mover = Mover::copies) const;

  double weight(TierId tier, Direction direction,
                double run_length) const;  // device time per byte, 1 = peak
  std::vector<double> capacities() const;
  double left(ResourceId memory, const Share* shares, std::size_t count) const override;

 private:
  struct PathKey {
    std::int32_t from_device, from_tier, to_device, to_tier;
    GroupId group;
    bool operator<(const PathKey& o) const;
  };
  struct PathHop {
    Hop hop;
    std::int32_t link = none;
    bool memory = false;
    Direction direction = Direction::read;
    TierId tier = none;
  };
  struct Path {
    std::vector<PathHop> hops;
    Seconds latency;
  };
  const Path& path(const PathKey& key) const;
  Path single_path(End from, End to) const;
  void find_routes(DeviceId from) const;

  std::map<std::string, Fidelity> fidelity_;
  std::vector<std::string> detailed_;
  std::vector<Device> devices_;
  std::vector<Resource> resources_;
  std::vector<Tier> tiers_;
  std::vector<EngineInfo> engines_;
  std::vector<LinkInfo> links_;
  std::vector<RankGroup> groups_;
  mutable std::map<std::pair<DeviceId, DeviceId>, Route> routes_;  // filled by Dijkstra on demand
  mutable std::vector<DeviceId> routed_;
  mutable std::map<PathKey, Path> paths_;
};

}  // namespace terrace
