// What a serving run leaves in the record, and what can be said before it.
#include <fmt/format.h>

#include <algorithm>

#include "workloads/serving/serving.h"

namespace terrace {
namespace {

double number(std::int64_t n) { return static_cast<double>(n); }
double ratio(double a, double b) { return b > 0 ? a / b : 0; }

std::string stat_name(std::string metric) {
  for (char& c : metric)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  return metric;
}

}  // namespace

void Serving::report(Record& record, Time) const {
  metrics_.report(record, number(params_.parallel.ranks()));
  report_cache(record);
  report_engine(record);
  report_tiers(record);
  source_->report(record);
  if (const KvTiming* kv = builder_.kv()) {
    record.stat("kv.held_share", kv_share(), "1",
                "of a full cache that the policy holds in HBM, at max_model_len");
    for (const QualityFigure& f : kv->quality)
      record.stat("kv.quality." + stat_name(f.metric), f.value, f.unit,
                  f.metric + ", on the trace of the profile");
    record.kv_policy = policy_hash(*params_.kv.policy);
    record.remarks.push_back("kv.profile_source: " + kv->profile.source);
  }
  if (shape_.learned_positions == 0 && shape_.max_positions > 0 &&
      params_.engine.max_model_len > shape_.max_positions)
    record.remarks.push_back(
        fmt::format("max_model_len {} is beyond the {} positions that {} was trained for",
                    params_.engine.max_model_len, shape_.max_positions, shape_.name));
}

// Hit rates are of block references: ceil(prompt / block_tokens) a request, counted when it is
// first admitted.
void Serving::report_cache(Record& record) const {
  CacheCounts sum;
  std::vector<double> lower(tiers_.size());
  for (const auto& r : replicas_) {
    const CacheCounts& c = r->scheduler().counts();
    sum.references += c.references;
    sum.hbm_blocks += c.hbm_blocks;
    sum.again_tokens += c.again_tokens;
    for (std::size_t t = 0; t < c.tier_blocks.size(); ++t) lower[t] += number(c.tier_blocks[t]);
  }
  const double refs = number(sum.references), block = number(params_.engine.block_tokens);
  double hits = 0;
  const auto tier = [&](const std::string& name, double blocks) {
    hits += blocks;
    record.stat("kv.hit_rate." + name, ratio(blocks, refs), "1",
                "part of the prompts' blocks (partial ones included) found in this tier at the "
                "first admission");
    record.stat("kv.tokens_reused." + name, blocks * block, "1",
                "prompt tokens found in this tier");
  };
  tier("hbm", number(sum.hbm_blocks));
  for (std::size_t t = 0; t < tiers_.size(); ++t) tier(tiers_[t].name, lower[t]);
  record.stat("kv.hit_rate.total", ratio(hits, refs), "1",
              "part of the prompts' blocks (partial ones included) found in any tier at the first "
              "admission");
  record.stat("kv.references", refs, "1", "blocks of prompts, partial ones included");
  record.stat("kv.tokens_found_again", number(sum.again_tokens), "1",
              "tokens of resumed requests that were still in HBM");
  if (!reference_) return;
  record.stat("kv.hit_rate.infinite", reference_->hit_rate(), "1",
              "of a cache of unlimited size that holds every block from its request's arrival on");
}

void Serving::report_engine(Record& record) const {
  const MemoryPlan& m =
      *std::min_element(memory_.begin(), memory_.end(),
                        [](const auto& a, const auto& b) { return a.blocks < b.blocks; });
  record.stat("kv.blocks", number(blocks_), "1",
              "predicted KV blocks of a replica, the null block included");
  record.stat("kv.block_tokens", number(params_.engine.block_tokens), "1", "tokens of a KV block");
  record.stat("kv.capacity_bytes",
              number(blocks_) * copies_.block_bytes() * kv_share() * number(params_.parallel.dp),
              "B", "KV blocks of all replicas, on all their GPUs");
  record.stat("memory.weights", m.weights, "B",
              "weights in HBM on a GPU of the stage with the least room");
  record.stat("memory.activations", m.torch_peak(), "B", "predicted peak of a step there");
  record.stat("memory.outside", m.outside, "B", "predicted for kernels and stack there");

  StepCounts n;
  double decode_rate = 0;
  std::int64_t preemptions = 0, swaps = 0, dropped = 0, given_up = 0;
  for (const auto& r : replicas_) {
    const StepCounts& c = r->counts();
    n.decode += c.decode;
    n.prefill += c.prefill;
    n.mixed += c.mixed;
    n.decode_tokens += c.decode_tokens;
    decode_rate += ratio(number(c.decode_tokens), c.decode_time.seconds());
    for (std::size_t k = 0; k < copy_kinds; ++k) n.copies[k] += c.copies[k];
    preemptions += r->scheduler().preemptions();
    swaps += r->scheduler().swaps();
    dropped += r->scheduler().dropped_tokens();
    given_up += r->scheduler().loads_given_up();
  }
  record.stat("preemptions", number(preemptions), "1",
              "times that a running request lost its blocks");
  record.stat("preemptions.swapped", number(swaps), "1", "… and kept its KV in the swap tier");
  record.stat("preemptions.dropped_tokens", number(dropped), "1",
              "computed tokens whose KV was given up");
  record.stat("engine.steps.decode", number(n.decode), "1", "steps of one token for every request");
  record.stat("engine.decode_tokens_per_second", decode_rate, "tokens/s",
              "of all replicas, while their steps have no prompt among them");
  record.stat("engine.decode_batch", ratio(number(n.decode_tokens), number(n.decode)), "1",
              "requests in a step without prompts, mean");
  record.stat("engine.steps.prefill", number(n.prefill), "1", "steps of prompts only");
  record.stat("engine.steps.mixed", number(n.mixed), "1", "steps of both");
  for (std::size_t k = 0; k < copy_kinds; ++k)
    if (n.copies[k] > 0)
      record.stat(std::string("engine.copies.") + copy_names[k], number(n.copies[k]), "1",
                  "background copies");
  if (given_up > 0)
    record.stat("engine.copies.given_up", number(given_up), "1",
                "loads repeated, because the head of the line needed their blocks");
}

void Serving::report_tiers(Record& record) const {
  const auto peak = [&](const std::string& tier, double bytes) {
    for (TierTraffic& row : record.tiers)
      if (row.tier == tier) row.peak_bytes += bytes;
  };
  for (const TierTotals& t : tiers_) {
    const RungTraffic& moved = *t.rungs.front().traffic;
    std::int64_t chunks = 0, evicted = 0;
    for (const Rung& r : t.rungs) {
      chunks += r.cache->size();
      evicted += r.cache->evictions();
    }
    const auto bytes = [&](const char* what, std::int64_t blocks, const char* what_it_is) {
      record.stat("kv." + t.name + "." + what, number(blocks) * copies_.block_bytes(), "B",
                  what_it_is);
    };
    bytes("loaded", moved.loaded_blocks, "KV copied from this tier to HBM");
    bytes("stored", moved.stored_blocks, "KV copied from HBM to this tier");
    bytes("demoted", moved.demoted_blocks, "KV copied here from the tier above, which gave it up");
    bytes("refused", moved.refused_blocks, "KV that found no room here, all being copied");
    bytes("evicted", evicted * params_.kv.chunk_blocks, "KV given up by this tier");
    peak(t.name, number(chunks) * chunk_bytes());
  }
  for (std::size_t t = 0; t < params_.weights.outside.size(); ++t)
    peak(params_.weights.outside[t].tier, outside_bytes(t));
  for (std::int64_t r = 0; r < params_.parallel.dp; ++r)
    for (std::int64_t s = 0; s < params_.parallel.pp; ++s) {
      const StagePlace& place = placement_.at(r, s);
      const MemoryPlan& m = memory_[static_cast<std::size_t>(s)];
      const double bytes = m.weights + metrics_.peak_usage() * number(blocks_) * m.block_bytes();
      std::vector<DeviceId> members = {place.gpu};
      if (place.group != none) members = machine_.group(place.group).members;
      for (DeviceId d : members)
        peak(machine_.devices()[static_cast<std::size_t>(d)].name + ".hbm", bytes);
    }
}

std::vector<Stat> Serving::facts() const {
  const MemoryPlan& m =
      *std::min_element(memory_.begin(), memory_.end(),
                        [](const auto& a, const auto& b) { return a.blocks < b.blocks; });
  std::vector<Stat> facts;
  const auto add = [&](const char* name, double value, const char* unit, const char* what_it_is) {
    facts.push_back({name, unit, what_it_is, value});
  };
  add("gpus", number(params_.parallel.ranks()), "1", "GPUs that serve");
  add("parameters", number(shape_.parameters()), "1", "of the model");
  add("memory.usable", m.usable, "B", "of a GPU, by gpu_memory_utilization");
  add("memory.weights", m.weights, "B", "in HBM on a GPU");
  add("memory.activations", m.torch_peak(), "B", "predicted peak of a step");
  add("memory.outside", m.outside, "B", "predicted for kernels and stack");
  add("memory.kv", m.available, "B", "what remains for KV");
  add("kv.blocks", number(blocks_), "1", "KV blocks of a replica, the null block included");
  add("kv.block_tokens", number(params_.engine.block_tokens), "1", "tokens of a block");
  add("kv.tokens", number((blocks_ - 1) * params_.engine.block_tokens), "1",
      "tokens that a replica can hold");
  add("kv.bytes_per_token",
      copies_.block_bytes() * kv_share() / number(params_.engine.block_tokens), "B",
      "on all its GPUs");
  for (const TierTotals& t : tiers_) {
    double chunks = 0;
    for (const Rung& r : t.rungs) chunks += number(r.cache->capacity());
    facts.push_back({"kv." + t.name + ".tokens", "1", "tokens that this tier can hold",
                     chunks * number(params_.kv.chunk_blocks * params_.engine.block_tokens)});
  }
  return facts;
}

Workload::Sample Serving::step_of(std::int64_t sequences, std::int64_t context,
                                  std::int64_t tokens) {
  Batch batch = builder_.batch();
  for (std::int64_t i = 0; i < sequences; ++i) batch.add({context, tokens, true});
  std::string name = fmt::format("decode, {} sequences of {} tokens", sequences, context);
  if (tokens > 1) {
    name = fmt::format("prefill, {} tokens", tokens);
    if (sequences > 1) name += fmt::format(" in each of {} sequences", sequences);
    if (context > 0) name += fmt::format(" after {}", context);
  }
  return {std::move(name), builder_.build(batch)};
}

std::vector<Workload::Sample> Serving::samples() {
  std::vector<Sample> samples;
  const std::int64_t context = std::min<std::int64_t>(1000, params_.engine.max_model_len - 1);
  for (std::int64_t n : {std::int64_t{1}, std::int64_t{32}, std::int64_t{256}})
    if (n <= params_.engine.max_num_seqs &&
        n * (context + 1) <= blocks_ * params_.engine.block_tokens)
      samples.push_back(step_of(n, context, 1));
  samples.push_back(step_of(
      1, 0, std::min(params_.engine.max_num_batched_tokens, params_.engine.max_model_len - 1)));
  return samples;
}

}  // namespace terrace
