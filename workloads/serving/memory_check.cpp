// Facts of a GPU, and the sum that a model's owner is shown when it does not fit.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "sim/registry.h"
#include "workloads/serving/memory_plan.h"

namespace terrace {
namespace {

constexpr double gib_bytes = 1073741824.0;

std::string terms(const PlanInput& in, const MemoryPlan& p) {
  return fmt::format(
      "{} has {}, of which utilisation {} gives {}; weights take {}, the peak of a step {}, "
      "kernels and stack "
      "outside PyTorch {}{}",
      in.gpu.tier, gib(in.gpu.capacity), in.engine.gpu_memory_utilization, gib(p.usable),
      gib(p.weights), gib(p.torch_peak()), gib(p.outside),
      p.graph_pool > 0 ? ", captured graphs " + gib(p.graph_pool) : "");
}

// `need`: bytes of KV that one request of max_model_len takes.
std::string what_would_help(const PlanInput& in, const MemoryPlan& p, double need) {
  const double missing = need - p.available, weights = p.weights;
  const EngineParams& e = in.engine;
  std::string help;
  const auto add = [&](const std::string& idea) { help += (help.empty() ? "" : "; ") + idea; };
  const double utilisation =
      std::ceil(100 * (e.gpu_memory_utilization + missing / in.gpu.capacity)) / 100;
  if (utilisation <= 1 - in.gpu.reserved / in.gpu.capacity)
    add(fmt::format("engine.gpu_memory_utilization {:.2f}", utilisation));
  const std::int64_t tp = in.rank.parallel.tp;
  for (std::int64_t more = 2 * tp; more <= 8 * tp; more *= 2)
    if (in.rank.model.heads % more == 0 &&
        (weights + need) * (1 - static_cast<double>(tp) / static_cast<double>(more)) >= missing) {
      add(fmt::format("parallel.tp {}", more));
      break;
    }
  if (p.available > 0 || missing < need)
    add(fmt::format("engine.max_model_len {}",
                    std::max<std::int64_t>(0, p.blocks - 1) * e.block_tokens));
  if (p.torch_peak() > missing) add("fewer engine.max_num_batched_tokens or max_num_seqs");
  if (weights > missing && bytes_of(in.rank.model.weights()) > 1)
    add("narrower weights (model.weight_format)");
  if (weights > missing)
    add(fmt::format("{:.0f} % of the layers outside HBM (weights.outside)",
                    std::ceil(100 * missing / weights)));
  return help.empty() ? "" : ". What would help: " + help;
}

}  // namespace

// Two decimals, or as many as show two digits of a small one.
std::string gib(double bytes) {
  const double gibs = bytes / gib_bytes;
  return std::abs(gibs) >= 0.1 || bytes == 0 ? fmt::format("{:.2f} GiB", gibs)
                                             : fmt::format("{:.3g} MiB", gibs * 1024);
}

GpuFacts GpuFacts::of(const Machine& machine, TierId hbm) {
  const Tier& tier = machine.tier(hbm);
  const Device& device = machine.devices()[static_cast<std::size_t>(tier.device)];
  const auto fact = [&](const char* name) {
    const auto found = device.facts.find(name);
    if (found == device.facts.end())
      throw BuildError(
          "", fmt::format("{} does not say its {}, which the KV budget needs", device.name, name));
    return found->second;
  };
  GpuFacts f;
  f.tier = tier.name;
  f.capacity = tier.capacity.value();
  f.reserved = tier.reserved.value();
  f.multiprocessors = fact("sm_count");
  f.threads = fact("max_threads_per_sm");
  f.capability = fact("capability");
  return f;
}

void check_memory(const PlanInput& in, const MemoryPlan& p) {
  const EngineParams& e = in.engine;
  const std::string& name = in.rank.model.name;
  if (p.usable > in.gpu.capacity - in.gpu.reserved)
    throw BuildError(
        "engine.gpu_memory_utilization",
        fmt::format("asks for {} of {}, but {} of its {} are taken before the engine starts; at "
                    "most {:.2f}",
                    gib(p.usable), in.gpu.tier, gib(in.gpu.reserved), gib(in.gpu.capacity),
                    std::floor(100 * (1 - in.gpu.reserved / in.gpu.capacity)) / 100));
  const double need =
      static_cast<double>((e.max_model_len + e.block_tokens - 1) / e.block_tokens + 1) *
      p.block_bytes();  // and the null block
  if (p.available <= 0)
    throw BuildError(
        "model", fmt::format("{} does not fit: {}: {} are missing, and {} more for the KV of one "
                             "request of max_model_len {}{}",
                             name, terms(in, p), gib(-p.available), gib(need), e.max_model_len,
                             what_would_help(in, p, need)));
  if (static_cast<double>(p.blocks) * p.block_bytes() >= need) return;
  const std::int64_t fits = std::max<std::int64_t>(0, p.blocks - 1) * e.block_tokens;
  throw BuildError(
      "engine.max_model_len",
      fmt::format("a request of {} tokens needs {} of KV, but {} are left: {}; {} are missing, {} "
                  "tokens would fit{}",
                  e.max_model_len, gib(need), gib(p.available), terms(in, p),
                  gib(need - p.available), fits, what_would_help(in, p, need)));
}

}  // namespace terrace
