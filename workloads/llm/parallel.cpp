// Checks how a model is cut, and finds the engines and memories of every stage.
#include "workloads/llm/parallel.h"

#include <fmt/format.h>

#include "sim/registry.h"
#include "workloads/llm/shape.h"

namespace terrace {

void Parallel::fields(Schema<Parallel>& s) {
  s.field("tp", &Parallel::tp, "GPUs that share every layer (tensor parallel)").at_least(1);
  s.field("pp", &Parallel::pp, "stages that share the layers (pipeline parallel)").at_least(1);
  s.field("dp", &Parallel::dp, "replicas that share the requests (data parallel)").at_least(1);
  s.field("expert_parallel", &Parallel::expert_parallel,
          "whole experts on each of the tp × dp ranks, instead of a slice of every expert");
}

void check(const Parallel& p, const ModelShape& m) {
  const auto divide = [&](const char* what, std::int64_t n) {
    if (n % p.tp != 0)
      throw BuildError("parallel.tp", fmt::format("{} does not divide the {} {}", p.tp, n, what));
  };
  divide("heads", m.heads);
  if (!m.mla && m.kv_heads % p.tp != 0 && p.tp % m.kv_heads != 0)
    throw BuildError("parallel.tp",
                     fmt::format("{} neither divides the {} KV heads nor is a multiple of them",
                                 p.tp, m.kv_heads));
  if (!m.moe || m.moe->dense_layers > 0) divide("columns of the MLP", m.intermediate);
  if (m.moe && m.moe->shared > 0)
    divide("columns of the shared experts", m.moe->shared * m.moe->intermediate);
  if (p.pp > m.layers)
    throw BuildError("parallel.pp", fmt::format("{} stages for {} layers", p.pp, m.layers));
  if (p.expert_parallel && !m.moe)
    throw BuildError("parallel.expert_parallel", m.name + " has no experts");
  if (m.moe && !p.expert_parallel) divide("columns of an expert", m.moe->intermediate);
  if (m.moe && p.expert_parallel && m.moe->experts % p.expert_ranks() != 0)
    throw BuildError("parallel.expert_parallel",
                     fmt::format("tp × dp = {} ranks do not divide the {} experts",
                                 p.expert_ranks(), m.moe->experts));
}

LayerSpan layers_of_stage(std::int64_t layers, std::int64_t stages, std::int64_t stage) {
  const std::int64_t each = layers / stages, left = layers % stages;
  // Stages [stages - 1 - left, stages - 1) have one more.
  const auto before = [&](std::int64_t s) {
    return s * each + std::max<std::int64_t>(0, std::min(s, stages - 1) - (stages - 1 - left));
  };
  return {before(stage), before(stage + 1)};
}

Placement::Placement(const Parallel& parallel, const ModelShape& shape, Machine& machine)
    : parallel_(parallel) {
  check(parallel, shape);
  const std::vector<DeviceId> gpus = machine.devices_of("gpu");
  const auto at = [&](std::int64_t replica, std::int64_t stage, std::int64_t rank) {
    return gpus[static_cast<std::size_t>((replica * parallel.pp + stage) * parallel.tp + rank)];
  };
  if (parallel.ranks() > static_cast<std::int64_t>(gpus.size()))
    throw BuildError(
        parallel.tp > 1   ? "parallel.tp"
        : parallel.pp > 1 ? "parallel.pp"
                          : "parallel.dp",
        fmt::format("tp {} × pp {} × dp {} = {} GPUs, but the machine has {}", parallel.tp,
                    parallel.pp, parallel.dp, parallel.ranks(), gpus.size()));
  for (std::int64_t replica = 0; replica < parallel.dp; ++replica)
    for (std::int64_t stage = 0; stage < parallel.pp; ++stage) {
      StagePlace place;
      place.gpu = at(replica, stage, 0);
      const std::string& name = machine.devices()[static_cast<std::size_t>(place.gpu)].name;
      place.compute = machine.find_engine(name + ".compute");
      place.aux = machine.find_engine(name + ".aux");
      place.copy_in = machine.find_engine(name + ".copy_in");
      place.copy_out = machine.find_engine(name + ".copy_out");
      place.hbm = machine.find_tier(name + ".hbm");
      if (place.compute == none || place.hbm == none)
        throw BuildError("", name + " has no compute engine or no memory named hbm");
      RankGroup tensor, experts;
      for (std::int64_t t = 0; t < parallel.tp; ++t)
        tensor.members.push_back(at(replica, stage, t));
      for (std::int64_t r = 0; r < parallel.dp; ++r)  // its own replica first
        for (std::int64_t t = 0; t < parallel.tp; ++t)
          experts.members.push_back(at((replica + r) % parallel.dp, stage, t));
      if (parallel.tp > 1 || parallel.pp > 1) place.group = machine.add_group(std::move(tensor));
      if (parallel.expert_parallel && experts.members.size() > 1)
        place.experts = machine.add_group(std::move(experts));
      places_.push_back(place);
    }
}

}  // namespace terrace
