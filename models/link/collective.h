// How long a collective takes and which links it loads: the fastest of NCCL's ring in two
// protocols, one- and two-shot all-reduce kernels, and reduction in the switch. Their costs come
// with the links (peer_costs.h). Sources: NVIDIA/nccl, src/graph/tuning.cc; vLLM,
// csrc/custom_all_reduce.cuh; compared with measured tables in
// tests/models/link/collective_test.cpp.
#pragma once

#include <cstdint>
#include <map>

#include "models/link/peer_pattern.h"

namespace terrace {

class Collectives {
 public:
  enum class Algorithm : std::uint8_t { flagged_ring, bulk_ring, one_shot, two_shot, in_switch };
  static const char* name_of(Algorithm a);

  // Plans an op of kind collective for rank group `op.group`. `plan.latency` is all that does not
  // grow with the message, from the kernel's first instruction on the GPU to its last; the host's
  // launch is the caller's. One flow stands for the first member: its amount is the bytes that it
  // sends. `op.message_bytes` is the full buffer of a rank: for all_gather the result, for
  // reduce_scatter the input. A send goes from each member to the device as far from it as the
  // write access's is from the first member; without accesses, from each member to the next.
  // Accesses of other collectives load their tiers alongside. Throws std::logic_error for an op
  // that is no collective of a group, std::runtime_error where there is no route, or a link on it
  // carries no peer traffic.
  void plan(const Op& op, const Machine& machine, OpPlan& plan) const;

  struct Outlook {
    Algorithm algorithm = Algorithm::bulk_ring;
    double latency = 0;                    // s
    double bytes = 0;                      // sent by one rank
    double overhead = 1;                   // bytes on the links per byte sent
    double slowdown = 1;                   // against the ring's rate
    double beside = 0;                     // s of local copying that grows with the message
    double seconds_per_byte = 0;           // on the slowest resource, alone
    const PeerPattern* pattern = nullptr;  // lives as long as the Collectives
    double seconds() const {               // when nothing else runs
      return latency + beside + bytes * overhead * slowdown * seconds_per_byte;
    }
  };
  // The fastest; without one- and two-shot kernels where `shots` is false, as in plain NCCL.
  Outlook choose(const Op& op, const Machine& machine, bool shots = true) const;

 private:
  enum class Shape : std::uint8_t { ring, all_pairs, onward };
  const PeerPattern& pattern(const Op& op, const Machine& machine, Shape shape) const;

  struct Key {
    GroupId group;
    Shape shape;
    DeviceId target;
    bool operator<(const Key& o) const;
  };
  mutable std::map<Key, PeerPattern> patterns_;  // groups and links do not change during a run
};

// The same for one op, remembering no paths.
void plan_collective(const Op& op, const Machine& machine, OpPlan& plan);

}  // namespace terrace
