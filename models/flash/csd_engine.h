// The engine of a computational drive at flow level.
#pragma once

#include "models/flash/attention_engine.h"
#include "sim/machine.h"

namespace terrace {

// Does in_storage_attention ops. What an op reads of the drive's own flash is K and V: it flows
// over the channels and through the engine as one, at the lower of their rates, and never sees the
// link. Accesses to other tiers (queries in, outputs out) flow beside it over the links, peer to
// peer.
class CsdEngine final : public Engine {
 public:
  struct Parts {
    DeviceId device = none;
    TierId flash = none;
    ResourceId channels = -1, compute = -1;
    double compute_capacity = 0;  // of the resource, FLOP/s
  };
  CsdEngine(AttentionEngineParams params, Parts parts)
      : params_(std::move(params)), parts_(parts) {}
  void plan(const Op& op, const Machine& machine, OpPlan& plan) const override;

 private:
  AttentionEngineParams params_;
  Parts parts_;
};

}  // namespace terrace
