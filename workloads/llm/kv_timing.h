// A KV policy in a step: what its profile says becomes ops around attention.
#pragma once

#include "sim/op_graph.h"
#include "sim/schema.h"
#include "workloads/kv/profile/kv_profile.h"
#include "workloads/kv/quality.h"
#include "workloads/llm/rank_shape.h"

namespace terrace {

// What moves entries between the GPU and the lower tier: its copy engines, run by run, or a
// kernel's own loads and stores over the link.
enum class KvMover : std::uint8_t { automatic, copies, kernel };  // automatic: what is faster
template <>
struct EnumNames<KvMover> {
  static constexpr std::pair<const char*, KvMover> values[] = {
      {"auto", KvMover::automatic}, {"copies", KvMover::copies}, {"kernel", KvMover::kernel}};
};

struct KvTiming {
  KvProfile profile;
  TierId lower = none;  // where its lower tier is; none: it has none
  KvMover mover = KvMover::automatic;
  // Runs of so many bytes or more are copied, shorter ones moved by a kernel: fetched, stored.
  double copies_from_in = 0, copies_from_out = 0;
  EngineId below = none;  // what attends beside the lower tier; none: nothing
  OpKind below_kind = OpKind::attention_decode;
  std::vector<QualityFigure> quality = {};  // on the profile's trace, where it was asked for
};

// How this machine does for this model what the profile says: `copies_from_…` and `below…`. Throws
// BuildError where it cannot.
void settle(KvTiming& kv, const RankShape& rank, const StagePlace& place, const Machine& machine);

}  // namespace terrace
