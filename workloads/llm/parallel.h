// How a model is spread over GPUs, and which part of the machine each piece runs on.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/machine.h"
#include "sim/schema.h"

namespace terrace {

struct ModelShape;

// tp ranks share every layer, pp stages share the layers, dp replicas share the requests.
struct Parallel {
  std::int64_t tp = 1, pp = 1, dp = 1;
  bool expert_parallel = false;

  std::int64_t ranks() const { return tp * pp * dp; }
  std::int64_t expert_ranks() const { return expert_parallel ? tp * dp : 1; }
  static void fields(Schema<Parallel>& s);
};

// Throws BuildError ("parallel.tp: …") where the model cannot be cut that way.
void check(const Parallel& parallel, const ModelShape& shape);

// Layers [first, last) of a pipeline stage. Left-over layers go where vLLM puts them: to the last
// stages but one, then backwards, as the last stage has the head (get_pp_indices in
// vllm/distributed/utils.py).
struct LayerSpan {
  std::int64_t first = 0, last = 0;
};
LayerSpan layers_of_stage(std::int64_t layers, std::int64_t stages, std::int64_t stage);

// The GPUs that one replica runs a stage on: tp of them, all doing what the first does.
struct StagePlace {
  DeviceId gpu = none;  // the representative
  EngineId compute = none, aux = none, copy_in = none, copy_out = none;  // aux: a second stream
  TierId hbm = none;
  GroupId group = none;  // its tp ranks; none on a single GPU without stages
  GroupId experts =
      none;  // the tp × dp ranks that share the experts, the representative first; none: not shared
};

// Ranks lie as vLLM orders them: replica, then stage, then tensor rank (dp × pp × tp consecutive
// GPUs).
class Placement {
 public:
  // Throws BuildError where the machine has too few GPUs, or the model cannot be cut that way.
  Placement(const Parallel& parallel, const ModelShape& shape, Machine& machine);

  const Parallel& parallel() const { return parallel_; }
  const StagePlace& at(std::int64_t replica, std::int64_t stage) const {
    return places_.at(static_cast<std::size_t>(replica * parallel_.pp + stage));
  }

 private:
  Parallel parallel_;
  std::vector<StagePlace> places_;
};

}  // namespace terrace
