// Which links and shared resources are loaded when every rank of a group sends: around a ring, to
// all, or onward.
#pragma once

#include <vector>

#include "models/link/peer_costs.h"
#include "sim/machine.h"

namespace terrace {

struct PeerEdge {
  DeviceId from = none, to = none;
};

// All ranks do the same at the same time, so the first stands for them: it loads its own links with
// its own bytes, and whatever several ranks pass (a host bridge, a bounce buffer) with the bytes of
// all.
struct PeerPattern {
  struct Load {
    ResourceId resource;
    double weight;  // capacity used per byte that one rank sends
    double copies;  // bytes that really pass per such byte
  };
  std::vector<Load> loads;
  double seconds_per_byte = 0;  // of the slowest of them, alone
  ResourceId slowest = -1;
  PeerCosts costs;  // of the slowest link on the way
};

// `members` take part; every member sends equally much over each of its edges. Throws
// std::runtime_error where there is no route, or a link on it carries no peer traffic.
PeerPattern lay_pattern(const Machine& machine, const std::vector<DeviceId>& members,
                        const std::vector<PeerEdge>& edges);

std::vector<PeerEdge> ring_edges(const std::vector<DeviceId>& members);
std::vector<PeerEdge> all_edges(const std::vector<DeviceId>& members);

}  // namespace terrace
