// The KV policy of a scenario as the step builder times it.
#pragma once

#include <optional>

#include "sim/machine.h"
#include "workloads/llm/kv_timing.h"
#include "workloads/serving/serving_params.h"

namespace terrace {

// Nothing without kv.policy. Measures it on kv.trace, or by its arithmetic alone. Throws
// BuildError.
std::optional<KvTiming> kv_timing(const ServingParams& params, const ModelShape& shape,
                                  const Machine& machine);

}  // namespace terrace
