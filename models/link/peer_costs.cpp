// Peer costs as fields of a config and as facts of a link.
#include "models/link/peer_costs.h"

#include <stdexcept>

namespace terrace {
namespace {

// One list for both ways, so that no member is forgotten.
template <class Costs, class Visit>
void each(Costs& c, Visit visit) {
  visit("peer.rate", c.rate);
  visit("peer.local_copy", c.local_copy);
  visit("peer.ring_start", c.ring_start);
  visit("peer.ring_hop", c.ring_hop);
  visit("peer.bulk_start", c.bulk_start);
  visit("peer.bulk_hop", c.bulk_hop);
  visit("peer.flag_overhead", c.flag_overhead);
  visit("peer.shot_start", c.shot_start);
  visit("peer.shot_peer", c.shot_peer);
  visit("peer.shot_stage", c.shot_stage);
  visit("peer.shot_limit", c.shot_limit);
  visit("peer.shot_ranks", c.shot_ranks);
}

template <class T>
double number(T v) {
  if constexpr (is_quantity_v<T>)
    return v.value();
  else
    return static_cast<double>(v);
}

}  // namespace

void PeerCosts::fields(Schema<PeerCosts>& s) {
  using P = PeerCosts;
  s.field("rate", &P::rate, "what a ring of GPUs sustains over this link one way")
      .above(BytesPerSecond(0));
  s.field("local_copy", &P::local_copy, "rate at which a rank moves its own share of the buffer")
      .above(BytesPerSecond(0));
  s.field("ring_start", &P::ring_start, "start of a ring kernel, low-latency protocol");
  s.field("ring_hop", &P::ring_hop, "one step of the ring, low-latency protocol");
  s.field("bulk_start", &P::bulk_start, "start of a ring kernel, bulk protocol");
  s.field("bulk_hop", &P::bulk_hop, "one step of the ring, bulk protocol");
  s.field("flag_overhead", &P::flag_overhead,
          "bytes on the link per byte of data in the low-latency protocol")
      .between(1, 4);
  s.field("shot_start", &P::shot_start, "start and end of a one-shot all-reduce kernel");
  s.field("shot_peer", &P::shot_peer, "flag exchange with one peer in such a kernel");
  s.field("shot_stage", &P::shot_stage, "second stage of a two-shot all-reduce kernel");
  s.field("shot_limit", &P::shot_limit, "messages of this size and more never use such a kernel");
  s.field("shot_ranks", &P::shot_ranks, "most ranks that may use such a kernel; 0 for none")
      .between(0, 72);
}

void PeerCosts::tell(LinkInfo& link) const {
  each(*this, [&](const char* name, auto value) { link.facts[name] = number(value); });
}

PeerCosts PeerCosts::ask(const LinkInfo& link) {
  PeerCosts costs;
  each(costs, [&](const char* name, auto& value) {
    const auto found = link.facts.find(name);
    if (found == link.facts.end())
      throw std::runtime_error("link " + link.name + " says nothing of GPUs talking over it");
    value = static_cast<std::decay_t<decltype(value)>>(found->second);
  });
  return costs;
}

}  // namespace terrace
