// A KV policy in a step: what its profile says becomes ops around attention.
#pragma once

#include "sim/op_graph.h"
#include "workloads/kv/profile/kv_profile.h"

namespace terrace {

struct KvTiming {
  KvProfile profile;
  TierId lower = none;  // where its lower tier is; none: it has none
};

}  // namespace terrace
