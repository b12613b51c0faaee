// Room is made: who is judged, by whose budget, and what the verdict does.
#include <algorithm>
#include <cmath>

#include "workloads/kv/policy_engine.h"

namespace terrace {

void PolicyCache::Engine::evict(std::int64_t layer, Phase phase) {
  const auto l = static_cast<std::size_t>(layer);
  if (phase == Phase::decode && steps_[l] % policy_.interval != 0) return;
  const std::size_t stages = at(layer, 0).stages.size();
  for (std::size_t s = 0; s < stages; ++s) {
    evict_stage(layer, s, phase, false);
    if (phase == Phase::prefill && at(layer, 0).stages[s].budget->cascades())
      for (std::int64_t below = 0; below < layer; ++below) {
        evict_stage(below, s, phase, true);
        account_layer(below);
      }
  }
  if (phase == Phase::prefill) propagate(layer);
}

void PolicyCache::Engine::evict_stage(std::int64_t layer, std::size_t stage, Phase phase,
                                      bool again) {
  const std::int64_t heads = setup_.shape.kv_heads, g = policy_.layers_together;
  const auto l = static_cast<std::size_t>(layer);
  const auto in_scope = [&](const HeadState& h) {
    std::int64_t n = 0;
    const auto& levels = h.cache.levels();
    const std::int32_t from =
        h.stages[stage].generated_only ? static_cast<std::int32_t>(prompt_[l]) : 0;
    for (std::size_t i = 0; i < levels.size(); ++i)
      n += levels[i] == 0 && h.cache.positions()[i] >= from ? 1 : 0;
    return n;
  };
  const auto seen_of = [&](const HeadState& h) {
    return h.stages[stage].generated_only ? seen_[l] - prompt_[l] : seen_[l];
  };
  const auto ask = [&](std::int64_t head) {
    HeadState& h = at(layer, head);
    const EvictionStage& s = h.stages[stage];
    const std::int64_t seen = seen_of(h);
    const std::int64_t tokens = std::min(seen, s.budget->tokens(layer, head, seen));
    if (tokens < 1 && seen > 0)
      throw std::logic_error("a budget of no tokens for layer " + std::to_string(layer));
    h.budget = tokens;
    return tokens;
  };
  // Observing costs time: in decode only where somebody is over the budget of before.
  bool over = phase == Phase::prefill;
  for (std::int64_t h = 0; h < heads && phase == Phase::decode; ++h)
    if (at(layer, h).stages[stage].acts_in(phase)) over = in_scope(at(layer, h)) > ask(h) || over;
  const bool follows = layer % g != 0;
  for (std::int64_t i = 0; i < heads && over; ++i) {
    HeadState& h = at(layer, i);
    EvictionStage& s = h.stages[stage];
    if (!s.acts_in(phase)) continue;
    h.scores.assign(static_cast<std::size_t>(h.cache.size()), 0.0F);
    if (follows) continue;
    s.score->score(h.cache, h.scores.data());
    if (!again) {
      if (now_ != nullptr) chunk_ = chunk_of(*now_, i, phase, ends_prompt_);
      s.budget->observed(layer, i, chunk_, h.cache, h.scores.data());
    }
    if (!setup_.plans) continue;
    const KvScore::Cost cost = s.score->cost();
    const auto n = static_cast<double>(h.cache.size());
    const double bytes =
        (cost.bits_per_entry * n + (cost.reads_keys ? h.cache.bits(HeadCache::key) : 0) +
         (cost.reads_values ? h.cache.bits(HeadCache::value) : 0)) /
        8;
    plan_item(layer, i, KvWork::score, false, bytes, policy_.layout().runs(h.cache.size()),
              n * (cost.flops_per_entry + s.budget->flops_per_entry()));
  }
  if (!over) return;
  if (policy_.heads_together && !follows)
    for (std::size_t i = 0; i < at(layer, 0).scores.size(); ++i) {
      float sum = 0;
      for (std::int64_t h = 0; h < heads; ++h) sum += at(layer, h).scores[i];
      for (std::int64_t h = 0; h < heads; ++h)
        at(layer, h).scores[i] = sum / static_cast<float>(heads);
    }
  if (phase == Phase::prefill && stage == 0 && !again && !follows) {
    chunk_scores_.assign(taken_positions_.size(), 0.0F);
    for (std::int64_t h = 0; h < heads; ++h) {
      const std::vector<float>& scores = at(layer, h).scores;
      const std::size_t own = scores.size() - std::min(scores.size(), chunk_scores_.size());
      for (std::size_t i = own; i < scores.size(); ++i)
        chunk_scores_[i - own] += scores[i] / static_cast<float>(heads);
    }
  }
  for (std::int64_t i = 0; i < heads; ++i) {
    HeadState& h = at(layer, i);
    if (!h.stages[stage].acts_in(phase)) continue;
    ask(i);
    if (policy_.heads_together && i > 0) h.budget = at(layer, 0).budget;
    Verdict verdict;
    if (follows) {
      follow(at(layer - layer % g, i).cache, h, verdict);
    } else {
      const std::int64_t n = in_scope(h);
      if (n <= h.budget) continue;
      judge(h, h.stages[stage], h.budget, verdict);
    }
    if (!verdict.go.empty()) carry_out(layer, i, stage, verdict);
  }
}

// The protected stay, then the best by score; among equals the older goes.
void PolicyCache::Engine::judge(HeadState& h, const EvictionStage& stage, std::int64_t target,
                                Verdict& v) const {
  const HeadCache& cache = h.cache;
  const ProtectParams& p = stage.params->protect;
  const auto n = static_cast<std::size_t>(cache.size());
  const auto l = static_cast<std::size_t>((&h - heads_.data()) / setup_.shape.kv_heads);
  const std::int64_t from = stage.generated_only ? prompt_[l] : 0;
  const std::int64_t recent = std::max(
      p.recent, static_cast<std::int64_t>(p.recent_share * static_cast<double>(target) + 1e-9));
  v.scores = h.scores.data();
  v.is_protected.assign(n, 0);
  std::vector<std::int32_t> candidates;
  std::int64_t room = target;
  for (std::size_t i = 0; i < n; ++i) {
    const std::int32_t position = cache.positions()[i];
    const bool outside = cache.levels()[i] != 0 || position < from;
    const bool special =
        p.special && setup_.tags != nullptr && (setup_.tags[position] & token_tag::special) != 0;
    if (outside || position < from + p.sinks || position >= seen_[l] - recent || special) {
      v.is_protected[i] = 1;
      room -= outside ? 0 : 1;
    } else {
      candidates.push_back(static_cast<std::int32_t>(i));
    }
  }
  const auto stays = static_cast<std::size_t>(
      std::clamp<std::int64_t>(room, 0, static_cast<std::int64_t>(candidates.size())));
  const float* scores = v.scores;
  const auto better = [scores](std::int32_t a, std::int32_t b) {
    return scores[a] != scores[b] ? scores[a] > scores[b] : a > b;
  };
  if (candidates.size() - stays == 1) {
    std::swap(*std::max_element(candidates.begin(), candidates.end(), better), candidates.back());
  } else if (stays < candidates.size()) {
    std::nth_element(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(stays),
                     candidates.end(), better);
  }
  std::vector<std::uint8_t> goes(n, 0);
  for (std::size_t i = stays; i < candidates.size(); ++i)
    goes[static_cast<std::size_t>(candidates[i])] = 1;
  for (std::size_t i = 0; i < n; ++i)
    (goes[i] != 0 ? v.go : v.stay).push_back(static_cast<std::int32_t>(i));
}

// Keeps the tokens that another layer holds.
void PolicyCache::Engine::follow(const HeadCache& leader, const HeadState& h, Verdict& v) const {
  v.scores = h.scores.data();
  v.is_protected.assign(static_cast<std::size_t>(h.cache.size()), 0);
  const std::vector<std::int32_t>& theirs = leader.positions();
  for (std::int64_t i = 0; i < h.cache.size(); ++i) {
    const bool stays = std::binary_search(theirs.begin(), theirs.end(),
                                          h.cache.positions()[static_cast<std::size_t>(i)]);
    (stays ? v.stay : v.go).push_back(static_cast<std::int32_t>(i));
  }
}

void PolicyCache::Engine::carry_out(std::int64_t layer, std::int64_t head, std::size_t stage,
                                    Verdict& verdict) {
  HeadState& h = at(layer, head);
  survivors_ = verdict.stay;
  const std::int64_t before = h.cache.size();
  const KvCompact::Work work = h.stages[stage].compact->compact(h.cache, verdict, survivors_);
  const auto after = static_cast<std::int64_t>(survivors_.size());
  if (after < before) {
    h.cache.keep(survivors_);
    for (EvictionStage& s : h.stages) {
      s.score->kept(survivors_);
      s.compact->kept(survivors_);
    }
    h.place->kept(survivors_, h.cache);
  }
  if (setup_.plans) {
    // As many as are new take the places of those that went; more than that closes ranks.
    const bool moves = before - after > h.waiting || h.waiting > after;
    const double per_entry = (h.cache.bits(HeadCache::key) + h.cache.bits(HeadCache::value)) / 8 /
                             static_cast<double>(std::max<std::int64_t>(1, after));
    const double entries = (moves ? static_cast<double>(after) : 0) + work.rewritten;
    const double runs = 2 * (moves ? policy_.layout().runs(survivors_) : 0) + 2 * work.rewritten;
    plan_item(layer, head, KvWork::compact, false, entries * per_entry, runs, work.flops);
    plan_item(layer, head, KvWork::compact, true, entries * per_entry,
              2 * policy_.layout().runs(static_cast<std::int64_t>(entries)), 0);
  }
  h.waiting = 0;
}

// Of a prompt's tokens, those that the layers above are given.
void PolicyCache::Engine::propagate(std::int64_t layer) {
  if (layer + 1 >= setup_.shape.layers) return;
  const auto taken = static_cast<std::int64_t>(taken_positions_.size());
  const EvictionStage& first = at(layer, 0).stages[0];
  const std::int64_t wanted =
      first.budget->propagated(layer + 1, prompt_[static_cast<std::size_t>(layer)]);
  if (wanted >= taken) return;
  // Ranked by the mean over heads of the scores they had before room was made.
  std::vector<std::pair<float, std::int32_t>> ranked;
  const ProtectParams& p = first.params->protect;
  const std::vector<float>& mean = chunk_scores_;
  for (std::size_t i = 0; i < taken_positions_.size(); ++i) {
    const std::int32_t at_position = taken_positions_[i];
    const bool stays =
        at_position < p.sinks || at_position >= prompt_[static_cast<std::size_t>(layer)] - p.recent;
    ranked.emplace_back(stays ? INFINITY : mean[i], at_position);
  }
  std::sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second > b.second;
  });
  admitted_.clear();
  for (std::int64_t i = 0; i < wanted; ++i)
    admitted_.push_back(ranked[static_cast<std::size_t>(i)].second);
  std::sort(admitted_.begin(), admitted_.end());
  restricted_ = true;
}

}  // namespace terrace
