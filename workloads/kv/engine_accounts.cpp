// What is held, and what a step moves: every bit and every stretch.
#include <algorithm>

#include "workloads/kv/policy_engine.h"

namespace terrace {

// Adds a head's bits to the sum; returns those that belong to this sequence.
double PolicyCache::Engine::head_bits(std::int64_t layer, std::int64_t head, CacheBits& sum) const {
  const HeadState& h = at(layer, head);
  const auto n = static_cast<double>(h.cache.size());
  CacheBits own;
  own.keys = h.cache.bits(HeadCache::key);
  own.values = h.cache.bits(HeadCache::value);
  for (const EvictionStage& s : h.stages) {
    own.scores += n * s.score->cost().bits_per_entry;
    own.compact += s.compact->bits() + n * s.compact->bits_per_entry();
  }
  own.labels = h.place->bits();
  constexpr double bits_of_a_position = 32;
  if (counts_positions_) own.positions = n * bits_of_a_position;
  if (const std::int64_t hot = h.place->hot_entries(h.cache); hot < h.cache.size())
    own.lower = (own.keys + own.values) * (1 - static_cast<double>(hot) / n);
  sum.keys += own.keys;
  sum.values += own.values;
  sum.scores += own.scores;
  sum.compact += own.compact;
  sum.labels += own.labels;
  sum.positions += own.positions;
  sum.lower += own.lower;
  return own.sequence();
}

CacheBits PolicyCache::Engine::bits() const {
  CacheBits sum;
  for (std::int64_t l = 0; l < setup_.shape.layers; ++l)
    for (std::int64_t h = 0; h < setup_.shape.kv_heads; ++h) head_bits(l, h, sum);
  sum.shared = shared_bits_;
  return sum;
}

void PolicyCache::Engine::account_layer(std::int64_t layer) {
  CacheBits sum;
  double bits = 0;
  for (std::int64_t h = 0; h < setup_.shape.kv_heads; ++h) bits += head_bits(layer, h, sum);
  layer_bits_[static_cast<std::size_t>(layer)] = bits;
  double all = 0;
  for (const double each : layer_bits_) all += each;
  peak_bits_ = std::max(peak_bits_, all);
}

void PolicyCache::Engine::plan_item(std::int64_t layer, std::int64_t head, KvWork work, bool writes,
                                    double bytes, double runs, double flops) {
  if (!setup_.plans || (bytes <= 0 && flops <= 0)) return;
  plan_.push_back({static_cast<std::int32_t>(layer), static_cast<std::int32_t>(head), work,
                   KvTier::hot, writes, bytes, std::max(1.0, runs), flops});
}

// A head's step: new entries written, chosen ones read and decoded, and what the votes cost.
void PolicyCache::Engine::plan_attention(std::int64_t layer, std::int64_t head,
                                         const HeadChunk& chunk, std::size_t wanted) {
  const HeadState& h = at(layer, head);
  const HeadCache& cache = h.cache;
  const auto dim = static_cast<double>(cache.head_dim());
  const auto tokens = static_cast<double>(chunk.tokens), g = static_cast<double>(chunk.group);
  const auto n = static_cast<double>(cache.size());
  plan_item(layer, head, KvWork::write, true,
            2 * tokens * dim * static_cast<double>(setup_.raw_bits) / 8,
            2 * policy_.layout().runs(chunk.tokens), 0);
  h.place->plan(chunk, cache, h.chosen, plan_);
  if (wanted > 0) {
    const double rows = static_cast<double>(wanted) * g;
    constexpr double bytes_of_a_probability = 2;
    const double bytes = rows * n * bytes_of_a_probability;
    const bool vote =
        chunk.phase == Phase::prefill && static_cast<std::int64_t>(wanted) < chunk.tokens;
    if (vote)
      plan_item(layer, head, KvWork::vote, false, cache.bits(HeadCache::key) / 8,
                policy_.layout().runs(cache.size()), 2 * rows * n * dim);
    plan_item(layer, head, KvWork::probabilities, true, bytes, rows, 0);
    plan_item(layer, head, KvWork::probabilities, false, bytes, rows, rows * n);
  }
  for (const CodecGroup& group : codecs_) {
    if (!group.holds(layer, head)) continue;
    double coded = 0;
    if (h.chosen.all)
      coded = n - static_cast<double>(cache.raw_entries(group.side));
    else
      for (const std::int32_t slot : h.chosen.slots)
        coded += cache.block(group.side, slot) != HeadCache::raw ? 1 : 0;
    const KvCodec::Cost cost = group.codec->cost();
    plan_item(layer, head, cost.gemm ? KvWork::recompute : KvWork::decode, false, 0, 0,
              coded * dim * cost.decode * (group.span.both ? 2 : 1));
  }
  if (policy_.positions == KeyPositions::cache || counts_positions_)
    plan_item(layer, head, KvWork::rotate, false, 0, 0, 3 * n * dim);
}

}  // namespace terrace
