// The op graph of one token of a FlexGen block: slots (layer, batch) with a barrier after each.
#pragma once

#include "sim/op_graph.h"
#include "workloads/offload/flexgen_plan.h"

namespace terrace {

class FlexgenSlots {
 public:
  FlexgenSlots(const FlexgenParams& params, const FlexgenPlan& plan) : p_(params), plan_(plan) {}
  Step build(std::int64_t token) const;  // token 0 is the prefill

 private:
  using Slot = std::vector<OpVertex>;  // the last op of every strand of a slot
  struct Where {
    std::int64_t token, layer, batch;
  };
  bool step_back(Where& w) const;  // the slot before, the slot after; false beyond the block
  bool step_on(Where& w) const;
  const FlexgenPlan::Layer& layer(const Where& w) const {
    return plan_.layers[static_cast<std::size_t>(w.layer)];
  }
  double new_tokens(const Where& w) const;
  double context(const Where& w) const;
  double hidden_bytes(const Where& w) const;
  double cache_bytes(double tokens) const;  // K and V of one layer and GPU batch, plain

  OpVertex copy(OpGraph& g, Home from, Home to, double bytes, const char* label,
                OpVertex after) const;
  void load_weights(OpGraph& g, Slot& slot, const Where& w, OpVertex start) const;
  void load_cache(OpGraph& g, Slot& slot, Where w, OpVertex start) const;
  void store_cache(OpGraph& g, Slot& slot, Where w, OpVertex start) const;
  void compute(OpGraph& g, Slot& slot, const Where& w, OpVertex start) const;
  OpVertex attention(OpGraph& g, const Where& w, OpVertex after) const;
  OpVertex gemm(OpGraph& g, double m, double n, double k, const char* label, OpVertex after) const;

  const FlexgenParams& p_;
  const FlexgenPlan& plan_;
};

}  // namespace terrace
