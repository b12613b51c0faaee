// Fields of a serving workload.
#include "workloads/serving/serving_params.h"

namespace terrace {

void ServingParams::fields(Schema<ServingParams>& s) {
  using P = ServingParams;
  s.field("model", &P::model, "the model's shape, or its Hugging Face config.json").required();
  s.field("requests", &P::requests, "who asks").required().not_empty();
  s.field("parallel", &P::parallel, "how the model is spread over GPUs");
  s.field("engine", &P::engine, "the serving engine");
  s.field("kv", &P::kv, "the KV cache, in HBM and below");
  s.field("weights", &P::weights, "weights that lie below HBM");
  s.field("router", &P::router, "which replica gets a request, with dp above 1").not_empty();
  s.field("slo", &P::slo, "service level that goodput counts");
  s.field("record", &P::record, "what the record keeps");
}

void ServingParams::check(Checker& c) const {
  if (!kv.tiers.empty() && !engine.prefix_caching)
    c.fail("kv.tiers", "need engine.prefix_caching: blocks are found in them by their content");
  if (!kv.trace.empty() && !kv.policy) c.fail("kv.trace", "measures a kv.policy; there is none");
  if (kv.policy && engine.prefix_caching)
    c.fail("kv.policy",
           "needs engine.prefix_caching: false; what a policy leaves of a prefix "
           "depends on what came after it");
  if (model.learned_positions > 0 && engine.max_model_len > model.learned_positions)
    c.fail("engine.max_model_len", std::to_string(engine.max_model_len) + " exceeds the " +
                                       std::to_string(model.learned_positions) +
                                       " learned positions of " + model.name);
}

ModelShape ServingParams::shape() const {
  ModelShape s = model;
  if (const std::optional<Format> format = format_of(kv.format)) s.kv_format = *format;
  return s;
}

}  // namespace terrace
