// Flows over shared resources, with max–min fair rates (Bertsekas & Gallager, Data Networks, 6.5).
// A flow moves `amount` units along its hops; on each it uses weight x rate of the resource's
// capacity. Rates change only when a flow starts or ends, and only among flows that share a
// resource with it.
#pragma once

#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <limits>
#include <vector>

#include "sim/units.h"

namespace terrace {

using ResourceId = std::int32_t;
using FlowId = std::int32_t;

// What a flow does to a memory: how much of it writes, and its contiguous bytes by direction. NaN
// share: no memory.
struct Mix {
  float write_share = std::numeric_limits<float>::quiet_NaN();
  float read_run = std::numeric_limits<float>::infinity();
  float write_run = std::numeric_limits<float>::infinity();
  bool memory() const { return write_share >= 0; }
  bool operator==(const Mix& o) const {
    return write_share == o.write_share && read_run == o.read_run && write_run == o.write_run;
  }
};

// Flows that meet on a memory whose patterns disturb each other.
class Contention {
 public:
  struct Share {
    Mix mix;
    double bytes;  // per second
  };
  virtual ~Contention() = default;
  // Share of the capacity that is left when these meet, each being priced as if it were alone.
  virtual double left(ResourceId memory, const Share* shares, std::size_t count) const = 0;
};

// `weight`: capacity used per unit of the flow: `copies` / efficiency of the access pattern there.
// `copies`: units that really pass per unit of the flow: the symmetric ranks whose traffic meets
// here.
struct Hop {
  ResourceId resource = -1;
  double weight = 1;
  double copies = 1;
  Mix mix;
};

struct FlowSpec {
  boost::container::small_vector<Hop, 6> hops;  // a resource appears once (use add_hop)
  double amount = 0;                            // units of the path: bytes, FLOPs
  double max_rate =
      std::numeric_limits<double>::infinity();  // what the flow can take alone, units/s
  ResourceId limiter = -1;  // whom to blame when max_rate binds; -1: the first hop

  void add_hop(ResourceId resource, double weight, double copies = 1, Mix mix = {});
};

// Exact totals by resource, so that a thousand equal flows add up to a thousand times one.
struct Tally {
  __int128 moved = 0;  // units, rounded to whole ones flow by flow
  std::int64_t used_ps =
      0;  // time the resource would have needed at full capacity for all it moved
};

class FlowNetwork {
 public:
  // Units per second, all > 0. Null: flows share without disturbing each other.
  explicit FlowNetwork(std::vector<double> capacities, const Contention* contention = nullptr);

  // `owner`: who is disturbed when a flow of somebody else meets it on a resource; `tag` comes back
  // in Ended.
  FlowId start(Time now, const FlowSpec& spec, std::int32_t owner, std::int64_t tag);
  void settle(Time now);  // gives rates after a batch of starts and ends at `now`

  struct Ended {
    std::int64_t tag;
    Time started;
    ResourceId bottleneck;  // where the flow spent most of its time waiting for capacity
  };
  Time next_end() const;  // never() when nothing flows; valid after settle()
  void take_ended(Time now,
                  std::vector<Ended>& out);  // removes flows that end at `now`, in order of start

  bool disturbed(std::int32_t owner) const;
  void forgive(std::int32_t owner);  // forgets past meetings; present ones count again at once
  bool busy(ResourceId resource) const { return !resources_[index(resource)].flows.empty(); }
  double rate(FlowId flow) const { return flows_[index(flow)].rate; }
  double load(ResourceId resource) const;  // sum of weight x rate, never above capacity
  double capacity(ResourceId resource) const { return resources_[index(resource)].capacity; }
  void absorb(FlowNetwork& other);  // takes over all live flows of a network of the same resources
  std::size_t live() const { return order_.size(); }

  static void count(const FlowSpec& spec, const FlowNetwork& capacities,
                    std::vector<Tally>& tallies, std::int64_t times);

 private:
  struct Flow {
    boost::container::small_vector<Hop, 6> hops;
    double remaining = 0, rate = 0, max_rate = 0;
    Time updated, end, started;
    std::int64_t tag = 0;
    std::int32_t owner = 0;
    ResourceId bottleneck = -1, limiter = -1, worst = -1;
    std::int64_t worst_ps = 0, bottleneck_ps = 0;
    bool fixed = false, in_component = false;
  };
  struct Resource {
    double capacity = 0;
    boost::container::small_vector<FlowId, 4> flows;
    double left = 1;                  // of the capacity, for the flows that meet here now
    double free = 0, weight_sum = 0;  // scratch of fill(); weight_sum over flows not yet fixed
    bool dirty = false, in_component = false;
  };
  static std::size_t index(std::int32_t id) { return static_cast<std::size_t>(id); }
  FlowId place(Flow&& flow);
  void meet(FlowId id);
  void advance(Flow& flow, Time now);
  void rerate(Flow& flow, Time now, double rate, ResourceId bottleneck);
  void collect(ResourceId seed);
  void fill(Time now);
  bool contend();
  void mark(ResourceId r);
  void note(std::int32_t owner);

  const Contention* contention_;
  std::vector<Contention::Share> shares_;  // scratch of contend()
  std::vector<Resource> resources_;
  std::vector<Flow> flows_;           // slots
  std::vector<FlowId> free_, order_;  // order_: live flows by start
  std::vector<ResourceId> dirty_, component_resources_;
  std::vector<FlowId> component_flows_;
  std::vector<std::uint8_t> disturbed_;  // by owner
};

}  // namespace terrace
