// Profiles a scenario's KV policy and finds its lower tier.
#include "workloads/serving/kv_timing_of.h"

#include "sim/registry.h"
#include "workloads/capture/capture_error.h"
#include "workloads/kv/captured_trace.h"
#include "workloads/kv/profile/measure_profile.h"

namespace terrace {
namespace {

// Of the trace: the file, the model and the text it was captured from.
KvProfile profile_of(const KvParams& kv, const ModelShape& shape) {
  if (!kv.trace) return arithmetic_profile(*kv.policy, shape.kv_heads, shape.heads, shape.head_dim);
  const KvTrace file(*kv.trace);
  const KvTraceHeader& h = file.header();
  const CapturedTrace trace(file, file.header().holds(TraceTensor::x));
  return measure_profile(*kv.policy, trace, *kv.trace + ": " + h.model + ", " + h.text);
}

}  // namespace

std::optional<KvTiming> kv_timing(const ServingParams& params, const ModelShape& shape,
                                  const Machine& machine) {
  if (!params.kv.policy) return std::nullopt;
  KvTiming timing;
  try {
    timing.profile = profile_of(params.kv, shape);
  } catch (const BuildError& e) {
    throw BuildError(e.path == "trace" ? "kv.trace" : "kv.policy." + e.path, e.problem);
  } catch (const CaptureError& e) {
    throw BuildError("kv.trace", e.what());
  }
  if (timing.profile.uses_lower()) {
    timing.lower = machine.find_tier(params.kv.lower);
    if (timing.lower == none)
      throw BuildError("kv.lower", "the machine has no memory named " + params.kv.lower);
  }
  return timing;
}

}  // namespace terrace
