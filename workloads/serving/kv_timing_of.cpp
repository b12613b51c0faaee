// Profiles a scenario's KV policy and finds its lower tier.
#include "workloads/serving/kv_timing_of.h"

#include "sim/registry.h"
#include "workloads/capture/capture_error.h"
#include "workloads/kv/captured_trace.h"
#include "workloads/kv/profile/measure_profile.h"

namespace terrace {
namespace {

// On the trace: the file, the model and the text it was captured from.
void measure(const KvParams& kv, KvTiming& timing) {
  const KvTrace file(kv.trace.resolved);
  const KvTraceHeader& h = file.header();
  const CapturedTrace trace(file, h.holds(TraceTensor::x));
  std::optional<CapturedTrace> calibration;
  if (!kv.calibration.empty()) calibration.emplace(KvTrace(kv.calibration.resolved), true);
  ProfileOptions options;
  options.calibration = calibration ? &*calibration : &trace;
  timing.profile = measure_profile(*kv.policy, trace,
                                   kv.trace.written + ": " + h.model + ", " + h.text, options);
  if (!kv.quality) return;
  QualityOptions of_quality;
  of_quality.calibration = options.calibration;
  timing.quality = measure_quality(*kv.policy, trace, of_quality).headline();
}

TierId first_dram(const Machine& machine) {
  const std::string ending = ".dram";
  for (std::size_t t = 0; t < machine.tiers().size(); ++t) {
    const std::string& name = machine.tiers()[t].name;
    if (name.size() > ending.size() &&
        name.compare(name.size() - ending.size(), ending.size(), ending) == 0)
      return static_cast<TierId>(t);
  }
  return none;
}

}  // namespace

std::optional<KvTiming> kv_timing(const ServingParams& params, const ModelShape& shape,
                                  const Machine& machine) {
  if (!params.kv.policy) return std::nullopt;
  KvTiming timing;
  timing.mover = params.kv.mover;
  try {
    if (!params.kv.trace.empty())
      measure(params.kv, timing);
    else
      timing.profile =
          arithmetic_profile(*params.kv.policy, shape.kv_heads, shape.heads, shape.head_dim);
  } catch (const BuildError& e) {
    throw BuildError(e.path == "trace" ? "kv.trace" : "kv.policy." + e.path, e.problem);
  } catch (const CaptureError& e) {
    throw BuildError("kv.trace", e.what());
  }
  if (timing.profile.uses_lower()) {
    timing.lower =
        params.kv.lower.empty() ? first_dram(machine) : machine.find_tier(params.kv.lower);
    if (timing.lower == none)
      throw BuildError("kv.lower", "the machine has no memory named " +
                                       (params.kv.lower.empty() ? "*.dram" : params.kv.lower));
  }
  return timing;
}

}  // namespace terrace
