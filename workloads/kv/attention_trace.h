// Queries, keys, values and layer inputs of a text that went through a model: what a policy is
// calibrated on, and judged on.
#pragma once

#include <cstdint>

#include "sim/registry.h"
#include "workloads/capture/attention_shape.h"
#include "workloads/kv/events.h"
#include "workloads/kv/rows.h"

namespace terrace {

// One layer, head by head: rows are tokens. Queries and keys are after RoPE.
struct TraceTensors {
  std::vector<RowsView> q, k, v;  // by query head; by KV head
  RowsView x, residual;           // the layer's input after and before its norm; empty: not known
  AttentionWeights weights;       // empty: not known
};

class AttentionTrace {
 public:
  virtual ~AttentionTrace() = default;
  virtual const KvShape& shape() const = 0;
  virtual std::int64_t tokens() const = 0;
  virtual TraceTensors layer(std::int64_t layer) const = 0;     // valid as long as the trace
  virtual const std::uint8_t* tags() const { return nullptr; }  // of each token; null: none
};

// For members that cannot do without.
inline const AttentionTrace& calibration_of(const MemberContext& context) {
  if (context.calibration == nullptr)
    throw BuildError("", "learns from a captured text: a calibration trace is needed");
  return *context.calibration;
}

}  // namespace terrace
