// A KV policy in a step: what its profile says becomes ops around attention.
#pragma once

#include "sim/op_graph.h"
#include "workloads/kv/profile/kv_profile.h"
#include "workloads/kv/quality.h"

namespace terrace {

struct KvTiming {
  KvProfile profile;
  TierId lower = none;                      // where its lower tier is; none: it has none
  std::vector<QualityFigure> quality = {};  // on the profile's trace, where it was asked for
};

}  // namespace terrace
