// What a scenario says of a serving workload.
#pragma once

#include "sim/registry.h"
#include "workloads/llm/parallel.h"
#include "workloads/llm/shape.h"
#include "workloads/llm/weight_placement.h"
#include "workloads/requests/request_source.h"
#include "workloads/serving/engine_params.h"
#include "workloads/serving/kv_params.h"
#include "workloads/serving/metrics.h"
#include "workloads/serving/router/router.h"

namespace terrace {

struct ServingParams {
  ModelShape model;
  Choice<RequestSource> requests;
  Parallel parallel;
  EngineParams engine;
  KvParams kv;
  WeightPlacement weights;
  Choice<Router> router = Choice<Router>::of("round_robin");
  ServiceLevel slo;
  RecordParams record;

  static void fields(Schema<ServingParams>& s);
  void check(Checker& c) const;
  ModelShape shape() const;  // the model with the KV format that was chosen
};

}  // namespace terrace
