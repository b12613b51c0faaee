// Choosing by estimates, and what the chosen entries cost where they lie below.
#include "workloads/kv/place/choosing_place.h"

#include <algorithm>
#include <numeric>

#include "workloads/kv/attention_kernel.h"

namespace terrace {

void ReadShare::check(Checker& c) const {
  if (tokens && share) c.fail("share", "tokens are given too; give one of them");
  if (!tokens && !share) c.fail("", "how much is read is missing: give `share` or `tokens`");
}

std::int64_t ReadShare::of(std::int64_t cached) const {
  const auto part =
      static_cast<std::int64_t>(share.value_or(1) * static_cast<double>(cached) + 1e-9);
  return std::max<std::int64_t>(1, std::min(tokens.value_or(part), cached));
}

void ReadSize::check(Checker& c) const {
  ReadShare::check(c);
  if (tokens && *tokens < sinks + recent)
    c.fail("tokens", "fewer than the " + std::to_string(sinks + recent) + " read at every step");
}

PlanItem ChoosingPlace::item(KvWork work, KvTier tier, double bytes, double runs,
                             double flops) const {
  PlanItem i;
  i.layer = static_cast<std::int32_t>(context_.layer);
  i.head = static_cast<std::int32_t>(context_.head);
  i.work = work;
  i.tier = tier;
  i.bytes = bytes;
  i.runs = std::max(1.0, runs);
  i.flops = flops;
  return i;
}

std::int64_t ChoosingPlace::hot_entries(const HeadCache& cache) const {
  if (size_.tier == KvTier::hot) return cache.size();
  return std::min(cache.size(), size_.sinks + size_.recent);
}

void ChoosingPlace::fetched(const HeadCache& cache, const Selection& chosen, Selection& out) const {
  out.all = false;
  const std::int64_t n = cache.size();
  if (chosen.all) {
    for (std::int64_t i = 0; i < n; ++i)
      if (!guarded(i, n)) out.slots.push_back(static_cast<std::int32_t>(i));
    return;
  }
  for (const std::int32_t slot : chosen.slots)
    if (!guarded(slot, n)) out.slots.push_back(slot);
}

void ChoosingPlace::write_below(std::int64_t tokens, const HeadCache& cache,
                                AccessPlan& out) const {
  const double written =
      2.0 * static_cast<double>(tokens * cache.head_dim() * context_.raw_bits) / 8;
  out.push_back(item(KvWork::write, KvTier::lower, written, 2 * context_.layout.runs(tokens), 0));
  out.back().writes = true;
}

void ChoosingPlace::plan(const HeadChunk& chunk, const HeadCache& cache, const Selection& chosen,
                         AccessPlan& out) const {
  KvPlace::plan(chunk, cache, chosen, out);
  if (size_.tier == KvTier::hot) return;
  write_below(chunk.tokens, cache, out);
  if (chunk.phase == Phase::prefill) return;
  Selection below;
  fetched(cache, chosen, below);
  if (below.slots.empty()) return;
  const PlanItem fetch = reads(cache, below, KvWork::fetch, KvTier::lower);
  out.push_back(fetch);
  out.push_back(item(KvWork::gather, KvTier::hot, fetch.bytes, 2, 0));
  out.back().writes = true;
}

void ChoosingPlace::choose(const float* estimates, std::int64_t n, Selection& out) {
  std::int64_t wanted = size_.of(n), sure = 0;
  out.slots.clear();
  out.all = wanted >= n;
  if (out.all) return;
  ranks_.assign(estimates, estimates + n);
  for (std::int64_t i = 0; i < n; ++i) {
    float& rank = ranks_[static_cast<std::size_t>(i)];
    if (guarded(i, n)) rank = 3e38F;
    sure += rank >= always ? 1 : 0;
  }
  wanted = std::max(wanted, sure);
  order_.resize(static_cast<std::size_t>(n));
  std::iota(order_.begin(), order_.end(), 0);
  const auto last = order_.begin() + wanted;
  std::nth_element(order_.begin(), last - 1, order_.end(), [this](std::int32_t a, std::int32_t b) {
    const float x = ranks_[static_cast<std::size_t>(a)], y = ranks_[static_cast<std::size_t>(b)];
    return x != y ? x > y : a > b;
  });
  std::sort(order_.begin(), last);
  out.slots.assign(order_.begin(), last);
}

void ChoosingPlace::best_of_group(RowsView q, RowsView rows, std::vector<float>& out) {
  const std::int64_t n = rows.rows, width = whole_lanes(n);
  products_.resize(static_cast<std::size_t>(q.rows * width));
  dot_rows(q, rows, 1.0F, {products_.data(), q.rows, n, width});
  out.assign(products_.begin(), products_.begin() + n);
  for (std::int64_t r = 1; r < q.rows; ++r)
    for (std::int64_t i = 0; i < n; ++i)
      out[static_cast<std::size_t>(i)] = std::max(
          out[static_cast<std::size_t>(i)], products_[static_cast<std::size_t>(r * width + i)]);
}

}  // namespace terrace
