// Progressive filling over the connected component that changed.
#include "sim/flow_network.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace terrace {

namespace {

// Runs of both: as many as each has.
float merged_run(double a_bytes, float a_run, double b_bytes, float b_run) {
  if (a_bytes + b_bytes <= 0) return std::numeric_limits<float>::infinity();
  return static_cast<float>((a_bytes + b_bytes) / (a_bytes / a_run + b_bytes / b_run));
}

Mix merged(const Mix& a, double a_bytes, const Mix& b, double b_bytes) {
  if (!a.memory()) return b;
  if (!b.memory() || a == b) return a;
  const double aw = a.write_share * a_bytes, bw = b.write_share * b_bytes;
  return {static_cast<float>((aw + bw) / (a_bytes + b_bytes)),
          merged_run(a_bytes - aw, a.read_run, b_bytes - bw, b.read_run),
          merged_run(aw, a.write_run, bw, b.write_run)};
}

}  // namespace

void FlowSpec::add_hop(ResourceId resource, double weight, double copies, Mix mix) {
  for (Hop& h : hops)
    if (h.resource == resource) {
      h.mix = merged(h.mix, h.copies, mix, copies);
      h.weight += weight;
      h.copies += copies;
      return;
    }
  hops.push_back({resource, weight, copies, mix});
}

FlowNetwork::FlowNetwork(std::vector<double> capacities, const Contention* contention)
    : contention_(contention) {
  resources_.resize(capacities.size());
  for (std::size_t i = 0; i < capacities.size(); ++i) {
    if (!(capacities[i] > 0)) throw std::logic_error("flow network: a resource without capacity");
    resources_[i].capacity = capacities[i];
  }
}

void FlowNetwork::mark(ResourceId r) {
  Resource& res = resources_[index(r)];
  if (res.dirty) return;
  res.dirty = true;
  dirty_.push_back(r);
}

void FlowNetwork::note(std::int32_t owner) {
  if (owner < 0) return;
  if (index(owner) >= disturbed_.size()) disturbed_.resize(index(owner) + 1);
  disturbed_[index(owner)] = 1;
}

bool FlowNetwork::disturbed(std::int32_t owner) const {
  return index(owner) < disturbed_.size() && disturbed_[index(owner)] != 0;
}

void FlowNetwork::forgive(std::int32_t owner) {
  if (index(owner) < disturbed_.size()) disturbed_[index(owner)] = 0;
  for (FlowId id : order_)
    if (flows_[index(id)].owner == owner) meet(id);
}

// Two owners on one resource disturb each other.
void FlowNetwork::meet(FlowId id) {
  const Flow& flow = flows_[index(id)];
  for (const Hop& h : flow.hops)
    for (FlowId other : resources_[index(h.resource)].flows)
      if (flows_[index(other)].owner != flow.owner) {
        note(flow.owner);
        note(flows_[index(other)].owner);
      }
}

FlowId FlowNetwork::place(Flow&& flow) {
  FlowId id;
  if (free_.empty()) {
    id = static_cast<FlowId>(flows_.size());
    flows_.push_back(std::move(flow));
  } else {
    id = free_.back();
    free_.pop_back();
    flows_[index(id)] = std::move(flow);
  }
  for (const Hop& h : flows_[index(id)].hops) {
    resources_[index(h.resource)].flows.push_back(id);
    mark(h.resource);
  }
  order_.push_back(id);
  meet(id);
  return id;
}

FlowId FlowNetwork::start(Time now, const FlowSpec& spec, std::int32_t owner, std::int64_t tag) {
  if (!(spec.amount > 0) || spec.hops.empty() || !(spec.max_rate > 0))
    throw std::logic_error("flow network: a flow needs an amount, a path and a rate");
  Flow flow;
  flow.hops.assign(spec.hops.begin(), spec.hops.end());
  flow.remaining = spec.amount;
  flow.max_rate = spec.max_rate;
  flow.limiter = spec.limiter >= 0 ? spec.limiter : spec.hops[0].resource;
  flow.updated = flow.started = now;
  flow.end = Time::never();
  flow.owner = owner;
  flow.tag = tag;
  return place(std::move(flow));
}

void FlowNetwork::advance(Flow& flow, Time now) {
  const Time dt = now - flow.updated;
  if (dt.ps() == 0) return;
  flow.remaining = std::max(0.0, flow.remaining - flow.rate * dt.seconds());
  flow.bottleneck_ps += dt.ps();
  if (flow.bottleneck_ps > flow.worst_ps) {
    flow.worst_ps = flow.bottleneck_ps;
    flow.worst = flow.bottleneck;
  }
  flow.updated = now;
}

void FlowNetwork::rerate(Flow& flow, Time now, double rate, ResourceId bottleneck) {
  if (flow.rate == rate && flow.bottleneck == bottleneck && flow.end != Time::never()) return;
  advance(flow, now);
  if (bottleneck != flow.bottleneck) {
    flow.bottleneck = bottleneck;
    flow.bottleneck_ps = 0;
  }
  flow.rate = rate;
  const double left_ps = std::ceil(flow.remaining / rate * 1e12);
  if (left_ps > 9e18)
    throw std::overflow_error("flow network: a flow would take longer than 106 days");
  flow.end = now + Time::ps(static_cast<std::int64_t>(left_ps));
}

// Gathers all flows and resources connected to `seed`.
void FlowNetwork::collect(ResourceId seed) {
  component_resources_.clear();
  component_flows_.clear();
  resources_[index(seed)].in_component = true;
  component_resources_.push_back(seed);
  for (std::size_t i = 0; i < component_resources_.size(); ++i) {
    Resource& res = resources_[index(component_resources_[i])];
    res.dirty = false;
    res.left = 1;
    for (FlowId id : res.flows) {
      Flow& flow = flows_[index(id)];
      if (flow.in_component) continue;
      flow.in_component = true;
      component_flows_.push_back(id);
      for (const Hop& h : flow.hops) {
        Resource& next = resources_[index(h.resource)];
        if (next.in_component) continue;
        next.in_component = true;
        component_resources_.push_back(h.resource);
      }
    }
  }
}

// Raises all rates together; freezes flows at the first resource that fills or at their own limit.
void FlowNetwork::fill(Time now) {
  for (ResourceId r : component_resources_)
    resources_[index(r)].free = resources_[index(r)].capacity * resources_[index(r)].left;
  for (FlowId id : component_flows_) flows_[index(id)].fixed = false;
  std::size_t open = component_flows_.size();
  while (open > 0) {
    for (ResourceId r : component_resources_) resources_[index(r)].weight_sum = 0;
    for (FlowId id : component_flows_)
      if (const Flow& flow = flows_[index(id)]; !flow.fixed)
        for (const Hop& h : flow.hops) resources_[index(h.resource)].weight_sum += h.weight;
    double level = std::numeric_limits<double>::infinity();
    ResourceId full = -1;
    for (ResourceId r : component_resources_) {
      const Resource& res = resources_[index(r)];
      if (res.weight_sum <= 0) continue;
      const double here = res.free / res.weight_sum;
      if (here < level) {
        level = here;
        full = r;
      }
    }
    bool capped = false;
    for (FlowId id : component_flows_) {
      const Flow& flow = flows_[index(id)];
      if (!flow.fixed && flow.max_rate <= level) capped = true;
    }
    for (FlowId id : component_flows_) {
      Flow& flow = flows_[index(id)];
      if (flow.fixed) continue;
      double rate = level;
      ResourceId cause = full;
      if (capped) {
        if (flow.max_rate > level) continue;
        rate = flow.max_rate;
        cause = flow.limiter;
      } else if (std::none_of(flow.hops.begin(), flow.hops.end(),
                              [&](const Hop& h) { return h.resource == full; })) {
        continue;
      }
      flow.fixed = true;
      --open;
      rerate(flow, now, rate, cause);
      for (const Hop& h : flow.hops) {
        Resource& res = resources_[index(h.resource)];
        res.free = std::max(0.0, res.free - h.weight * rate);
      }
    }
  }
}

// What is left of memories where different patterns meet at their present rates. True: it changed.
bool FlowNetwork::contend() {
  bool changed = false;
  for (ResourceId r : component_resources_) {
    Resource& res = resources_[index(r)];
    shares_.clear();
    bool alike = true;
    for (FlowId id : res.flows)
      for (const Hop& h : flows_[index(id)].hops)
        if (h.resource == r && h.mix.memory()) {
          shares_.push_back({h.mix, h.copies * flows_[index(id)].rate});
          alike = alike && h.mix == shares_.front().mix;
        }
    const double left = alike ? 1 : contention_->left(r, shares_.data(), shares_.size());
    changed = changed || std::abs(left - res.left) > 1e-3;
    res.left = left;
  }
  return changed;
}

void FlowNetwork::settle(Time now) {
  for (ResourceId r : dirty_) {
    Resource& res = resources_[index(r)];
    if (!res.dirty) continue;
    if (res.flows.empty()) {
      res.dirty = false;
      continue;
    }
    collect(r);
    fill(now);
    // Rates give the mix and the mix gives rates; a second round is as good as more.
    for (int round = 0; contention_ != nullptr && round < 2 && contend(); ++round) fill(now);
    for (ResourceId c : component_resources_) resources_[index(c)].in_component = false;
    for (FlowId f : component_flows_) flows_[index(f)].in_component = false;
  }
  dirty_.clear();
}

Time FlowNetwork::next_end() const {
  Time first = Time::never();
  for (FlowId id : order_) first = std::min(first, flows_[index(id)].end);
  return first;
}

void FlowNetwork::take_ended(Time now, std::vector<Ended>& out) {
  std::size_t kept = 0;
  for (FlowId id : order_) {
    Flow& flow = flows_[index(id)];
    if (flow.end > now) {
      order_[kept++] = id;
      continue;
    }
    advance(flow, now);
    out.push_back({flow.tag, flow.started, flow.worst >= 0 ? flow.worst : flow.bottleneck});
    for (const Hop& h : flow.hops) {
      auto& at = resources_[index(h.resource)].flows;
      at.erase(std::find(at.begin(), at.end(), id));
      mark(h.resource);
    }
    free_.push_back(id);
  }
  order_.resize(kept);
}

double FlowNetwork::load(ResourceId resource) const {
  double sum = 0;
  for (FlowId id : resources_[index(resource)].flows)
    for (const Hop& h : flows_[index(id)].hops)
      if (h.resource == resource) sum += h.weight * flows_[index(id)].rate;
  return sum;
}

void FlowNetwork::absorb(FlowNetwork& other) {
  for (FlowId id : other.order_) {
    Flow& flow = other.flows_[index(id)];
    place(std::move(
        flow));  // keeps its rate and end: settle() changes them only if it meets somebody
  }
  for (Resource& r : other.resources_) {
    r.flows.clear();
    r.dirty = false;
  }
  other.flows_.clear();
  other.order_.clear();
  other.free_.clear();
  other.dirty_.clear();
}

void FlowNetwork::count(const FlowSpec& spec, const FlowNetwork& capacities,
                        std::vector<Tally>& tallies, std::int64_t times) {
  for (const Hop& h : spec.hops) {
    Tally& t = tallies[index(h.resource)];
    t.moved += static_cast<__int128>(std::llround(spec.amount * h.copies)) * times;
    t.used_ps +=
        std::llround(h.weight * spec.amount / capacities.capacity(h.resource) * 1e12) * times;
  }
}

}  // namespace terrace
