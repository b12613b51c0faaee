// What GPU kernels pay when they talk to a peer over a link: the parameters of collectives on it.
// The alpha-beta form is that of NCCL's own tuning model (NVIDIA/nccl, src/graph/tuning.cc).
#pragma once

#include "sim/machine.h"
#include "sim/schema.h"

namespace terrace {

struct PeerCosts {
  BytesPerSecond rate{20e9};        // a ring's sustained rate one way
  BytesPerSecond local_copy{1e12};  // a rank moving its own share; half of it overlaps the ring
  Seconds ring_start{6.6e-6}, ring_hop{1e-6};    // low-latency protocol: flags beside the data
  Seconds bulk_start{8.4e-6}, bulk_hop{5.7e-6};  // bulk protocol: chunks, then a fence
  double flag_overhead = 2;  // bytes on the link per byte in the low-latency protocol
  Seconds shot_start{5e-6}, shot_peer{0.15e-6}, shot_stage{5e-6};  // one- and two-shot kernels
  Bytes shot_limit{8388608};                                       // larger messages never use them
  int shot_ranks = 8;                                              // nor do more ranks
  static void fields(Schema<PeerCosts>& s);

  void tell(LinkInfo& link) const;             // as facts of the link
  static PeerCosts ask(const LinkInfo& link);  // throws std::runtime_error where there are none
};

}  // namespace terrace
