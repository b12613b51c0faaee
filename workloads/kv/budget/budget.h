// The family of those who say how many tokens each layer and head may keep.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/registry.h"
#include "workloads/kv/events.h"
#include "workloads/kv/head_cache.h"

namespace terrace {

// One for the whole model (or for a class of heads). Layers come in order in every step; a layer's
// heads are all observed before the first is asked.
class KvBudget {
 public:
  using Context = MemberContext;
  static constexpr const char* family = "budget";
  static constexpr const char* meaning = "how many tokens each layer and head may keep";

  virtual ~KvBudget() = default;
  // Of which of the chunk's tokens it wants to see the attention, as a score does.
  virtual void queries(const HeadChunk&, std::vector<std::int32_t>& /*wanted*/) const {}
  virtual void attended(std::int64_t /*layer*/, std::int64_t /*head*/, const Attended&) {}
  // Room is about to be made: `scores` of every entry, higher is better.
  virtual void observed(std::int64_t /*layer*/, std::int64_t /*head*/, const HeadChunk&,
                        const HeadCache&, const float* /*scores*/) {}
  // How many of the `seen` tokens this head may hold now.
  virtual std::int64_t tokens(std::int64_t layer, std::int64_t head, std::int64_t seen) = 0;
  // How many of a prompt's tokens layer `layer` is given at all; what the layer before found best.
  virtual std::int64_t propagated(std::int64_t /*layer*/, std::int64_t prompt) const {
    return prompt;
  }
  // Layers that were done are asked again after every later one of the prompt.
  virtual bool cascades() const { return false; }
  // Flops to observe one entry, and bits kept beside it.
  virtual double flops_per_entry() const { return 0; }
};

}  // namespace terrace
