// Building a serving workload: memory is planned and claimed before anything runs.
#include <fmt/format.h>

#include <algorithm>

#include "workloads/serving/kv_timing_of.h"
#include "workloads/serving/serving.h"

namespace terrace {

Serving::Serving(const Params& params, const Context& context)
    : params_(params),
      machine_(context.machine),
      shape_(params.shape()),
      placement_(params.parallel, shape_, context.machine),
      builder_(shape_, placement_, context.machine, params.engine.step_params(), params.weights,
               kv_timing(params, shape_, context.machine)),
      copies_(context.machine, placement_, builder_.rank(), params.engine.block_tokens,
              params.kv.chunk_blocks),
      budget_(context.machine),
      source_(params.requests.make({context.seed})),
      router_(params.router.make({context.seed})),
      sequences_(static_cast<std::int32_t>(params.engine.block_tokens)),
      metrics_(params.slo, params.record) {
  if (const auto longer = source_->longer_than(params.engine.max_model_len)) check_length(*longer);
  plan_stages();
  claim_weights();
  claim_lower();
  build_replicas();
  if (params_.kv.infinite_reference)
    reference_.emplace(static_cast<std::int32_t>(params_.engine.block_tokens));
}

// A block of tokens takes the mean of what its tokens take in the longest sequence.
double Serving::kv_share() const {
  const KvTiming* kv = builder_.kv();
  return kv == nullptr ? 1
                       : kv->profile.held_share(static_cast<double>(params_.engine.max_model_len));
}

// The stage with the least room decides, as vLLM takes the least of its workers' blocks.
void Serving::plan_stages() {
  const Parallel& p = params_.parallel;
  for (std::int64_t r = 0; r < p.dp; ++r)
    for (std::int64_t s = 0; s < p.pp; ++s) {
      const GpuFacts gpu = GpuFacts::of(machine_, placement_.at(r, s).hbm);
      const PlanInput input{builder_.rank(),       params_.engine, gpu, s,
                            builder_.hbm_bytes(s), kv_share()};
      const MemoryPlan plan = plan_memory(input);
      check_memory(input, plan);
      if (r == 0)
        memory_.push_back(plan);
      else if (MemoryPlan& known = memory_[static_cast<std::size_t>(s)]; plan.blocks < known.blocks)
        known = plan;
    }
  blocks_ = memory_.front().blocks;
  for (const MemoryPlan& plan : memory_) blocks_ = std::min(blocks_, plan.blocks);
}

void Serving::claim_weights() {
  for (std::size_t t = 0; t < params_.weights.outside.size(); ++t) {
    const std::string path = fmt::format("weights.outside[{}]", t);
    const TierId tier =
        budget_.find(path + ".tier", params_.weights.outside[t].tier, placement_.at(0, 0).gpu);
    budget_.take(path + ".fraction", tier, outside_bytes(t), "weights");
  }
}

// What lies below may be less than HBM lets in: it has the last word then.
void Serving::claim_lower() {
  const KvTiming* kv = builder_.kv();
  if (kv == nullptr || kv->lower == none) return;
  const auto number = [](auto n) { return static_cast<double>(n); };
  const double replicas = number(params_.parallel.dp);
  const double each = copies_.block_bytes() * replicas *
                      kv->profile.lower_share(static_cast<double>(params_.engine.max_model_len));
  if (each <= 0) return;
  const EngineParams& e = params_.engine;
  const std::int64_t a_request = (e.max_model_len + e.block_tokens - 1) / e.block_tokens + 1;
  blocks_ = std::min(blocks_, static_cast<std::int64_t>(budget_.free(kv->lower) / each));
  const std::string& name = machine_.tier(kv->lower).name;
  if (blocks_ < a_request)
    throw BuildError(
        "kv.lower",
        fmt::format("{} keeps {} of a request of {} tokens, but {} are free there", name,
                    gib(number(a_request) * each), e.max_model_len, gib(budget_.free(kv->lower))));
  budget_.take("kv.lower", kv->lower, number(blocks_) * each, "KV of the policy");
}

double Serving::outside_bytes(std::size_t place) const {
  double bytes = 0;
  for (std::int64_t s = 0; s < params_.parallel.pp; ++s) bytes += builder_.outside_bytes(s, place);
  return bytes * static_cast<double>(params_.parallel.tp * params_.parallel.dp);
}

double Serving::chunk_bytes() const {
  return copies_.block_bytes() * static_cast<double>(params_.kv.chunk_blocks);
}

std::vector<std::vector<Rung>> Serving::build_tiers() {
  const auto replicas = static_cast<std::size_t>(params_.parallel.dp);
  std::vector<std::vector<Rung>> by_replica(replicas);
  const StagePlace& first = placement_.at(0, 0);
  for (std::size_t i = 0; i < params_.kv.tiers.size(); ++i) {
    const CacheTierParams& t = params_.kv.tiers[i];
    const std::string path = fmt::format("kv.tiers[{}]", i);
    const TierId tier = budget_.find(path + ".tier", t.tier, first.gpu);
    const std::vector<DeviceId> gpus = machine_.devices_of("gpu");
    if (std::find(gpus.begin(), gpus.end(), machine_.tier(tier).device) != gpus.end())
      throw BuildError(path + ".tier", t.tier + " is a GPU's own memory; tiers lie below it");
    const double bytes = t.capacity ? t.capacity->value() : budget_.free(tier);
    budget_.take(path + ".capacity", tier, bytes, "KV blocks");
    const std::size_t caches = t.shared ? 1 : replicas;
    const double chunks = std::floor(bytes / static_cast<double>(caches) / chunk_bytes());
    if (chunks < 1)
      throw BuildError(
          path + ".capacity",
          fmt::format("{} hold no chunk of {} block(s), {}, for each of {} cache(s)", gib(bytes),
                      params_.kv.chunk_blocks, gib(chunk_bytes()), caches));
    if (t.staged) copies_.stage(tier);
    Rung rung;
    rung.traffic = std::make_shared<RungTraffic>();
    rung.takes_evicted = t.takes == Intake::evicted || (t.takes == Intake::automatic && i > 0);
    tiers_.push_back({t.tier, {}});
    const auto capacity = static_cast<std::int64_t>(std::min(chunks, 2147483000.0));
    for (std::size_t r = 0; r < replicas; ++r) {
      if (r < caches) {
        rung.cache = std::make_shared<TierCache>(tier, t.tier, capacity, t.policy.make({capacity}));
        tiers_.back().rungs.push_back(rung);
      }
      by_replica[r].push_back(rung);
    }
  }
  return by_replica;
}

Replica::Setup Serving::setup_of(std::int64_t replica, std::vector<Rung> rungs, TierId swap) const {
  const EngineParams& e = params_.engine;
  const Parallel& p = params_.parallel;
  const StagePlace& place = placement_.at(replica, 0);
  const auto narrow = [](std::int64_t n) { return static_cast<std::int32_t>(n); };
  Replica::Setup s;
  s.index = narrow(replica);
  s.replicas = narrow(p.dp);
  // vLLM has pp batches under way with pipeline stages; here one more may wait for the first stage.
  s.depth = static_cast<std::size_t>(p.pp + (e.async_scheduling ? 1 : 0));
  s.host = e.host;
  s.group = place.group;
  if (e.host.step + e.host.request > Time()) {
    const std::string gpu = machine_.devices()[static_cast<std::size_t>(place.gpu)].name;
    s.driver = machine_.find_engine(gpu + ".driver");
    if (s.driver == none)
      throw BuildError("engine.host", gpu + " has no engine named driver to spend it on");
  }
  s.blocks = blocks_;
  s.limits = {narrow(e.block_tokens), narrow(e.max_model_len), e.prefix_caching};
  s.scheduler.max_num_seqs = narrow(e.max_num_seqs);
  s.scheduler.max_num_batched_tokens = narrow(e.max_num_batched_tokens);
  s.scheduler.max_model_len = narrow(e.max_model_len);
  s.scheduler.long_prefill_token_threshold = narrow(e.long_prefill_token_threshold);
  s.scheduler.chunked_prefill = e.chunked_prefill;
  s.scheduler.reserve_full_input = e.reserve_full_input;
  // A stage cannot start on a token that the last stage has yet to give.
  s.scheduler.placeholders = e.async_scheduling && p.pp == 1;
  s.rungs = std::move(rungs);
  s.chunk_blocks = params_.kv.chunk_blocks;
  s.swap_tier = swap;
  if (swap != none)
    s.swap_blocks = static_cast<std::int64_t>(e.swap->capacity.value() / copies_.block_bytes());
  return s;
}

void Serving::build_replicas() {
  const Parallel& p = params_.parallel;
  std::vector<std::vector<Rung>> rungs = build_tiers();
  TierId swap = none;
  if (params_.engine.swap) {
    const SwapSpace& space = *params_.engine.swap;
    swap = budget_.find("engine.swap.tier", space.tier, placement_.at(0, 0).gpu);
    budget_.take("engine.swap.capacity", swap, space.capacity.value() * static_cast<double>(p.dp),
                 "swapped requests");
  }
  if (swap != none || !params_.kv.tiers.empty())
    for (std::int64_t s = 0; s < p.pp; ++s)
      if (placement_.at(0, s).copy_in == none || placement_.at(0, s).copy_out == none)
        throw BuildError(swap != none ? "engine.swap" : "kv.tiers", "the GPU has no copy engines");
  for (std::int64_t r = 0; r < p.dp; ++r)
    replicas_.push_back(std::make_unique<Replica>(
        Replica::Parts{sequences_, builder_, copies_},
        setup_of(r, std::move(rungs[static_cast<std::size_t>(r)]), swap)));
  loads_.resize(replicas_.size());
}

TERRACE_REGISTER(Workload, Serving, "serving",
                 "online inference: continuous batching over paged KV blocks");

}  // namespace terrace
