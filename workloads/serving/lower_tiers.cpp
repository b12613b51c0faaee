// Matching, loading and storing chunks over a ladder of tiers.
#include "workloads/serving/lower_tiers.h"

#include <algorithm>
#include <utility>

namespace terrace {

LowerTiers::LowerTiers(Sequences& sequences, KvBlocks& blocks, std::vector<Rung> rungs,
                       std::int64_t chunk_blocks)
    : sequences_(sequences),
      blocks_(blocks),
      rungs_(std::move(rungs)),
      chunk_blocks_(chunk_blocks),
      chunk_tokens_(chunk_blocks * blocks.block_tokens()) {
  storing_.job.kind = CopyKind::store;
}

// A chunk goes by the key of its last block, which stands for all before it.
BlockKey LowerTiers::chunk_key(const std::vector<BlockKey>& keys, std::int64_t chunk) const {
  return keys[static_cast<std::size_t>((chunk + 1) * chunk_blocks_ - 1)];
}

LowerTiers::Match LowerTiers::match(Slot slot, std::int64_t in_hbm) {
  SequenceInfo& info = sequences_.info(slot);
  const std::int64_t known = sequences_[slot].known, chunks = known / chunk_tokens_;
  const std::vector<BlockKey>& keys = info.chain.extend(info.request, known);
  matched_.clear();
  matched_blocks_.assign(rungs_.size(), 0);
  for (std::int64_t i = chunks - 1; i >= 0; --i)  // the beginning is the last to be given up
    for (const Rung& r : rungs_)
      if (const TierCache::Entry e = r.cache->find(chunk_key(keys, i)); e != TierCache::absent)
        r.cache->touch(e);

  const std::int64_t first = in_hbm / chunk_tokens_;
  bool loading = false;
  for (std::int64_t i = first; i < chunks; ++i) {
    const auto before = matched_.size();
    for (std::size_t r = 0; r < rungs_.size(); ++r) {
      const TierCache::Entry e = rungs_[r].cache->find(chunk_key(keys, i));
      if (e == TierCache::absent || !rungs_[r].cache->ready(e)) continue;
      matched_.push_back({r, e});
      loading = loading || rungs_[r].cache->loading(e);
      break;
    }
    if (matched_.size() == before) break;
  }
  const std::int64_t tokens =
      (first + static_cast<std::int64_t>(matched_.size())) * chunk_tokens_ - in_hbm;
  if (matched_.empty() || tokens < chunk_tokens_) return {};
  if (loading) return {0, true};
  matched_skip_ = (in_hbm - first * chunk_tokens_) / blocks_.block_tokens();
  for (const Found& f : matched_) matched_blocks_[f.rung] += chunk_blocks_;
  matched_blocks_[matched_.front().rung] -= matched_skip_;
  return {tokens, false};
}

CopyJob LowerTiers::load(Slot slot, std::int64_t id) {
  Work work;
  work.job.kind = CopyKind::load;
  work.job.id = id;
  work.slot = slot;
  work.entries = matched_;
  for (const Found& f : matched_) rungs_[f.rung].cache->begin_load(f.entry);
  for (std::size_t r = 0; r < rungs_.size(); ++r) {
    if (matched_blocks_[r] == 0) continue;
    work.job.add(rungs_[r].cache->tier(), none, matched_blocks_[r]);
    rungs_[r].traffic->loaded_blocks += matched_blocks_[r];
  }
  under_way_.push_back(work);
  return std::move(work.job);
}

void LowerTiers::store(Slot slot, std::int64_t tokens) {
  SequenceInfo& info = sequences_.info(slot);
  const std::int64_t first = info.next_store, last = tokens / chunk_tokens_;
  bool refused = false;
  for (std::size_t r = 0; r < rungs_.size(); ++r)
    if (!rungs_[r].takes_evicted) store_in(r, slot, first, last, refused);
  if (!refused) info.next_store = static_cast<std::int32_t>(last);
  sequences_[slot].store_at = static_cast<std::int32_t>((last + 1) * chunk_tokens_);
}

// All missing chunks, or none where the tier cannot make room.
void LowerTiers::store_in(std::size_t rung, Slot slot, std::int64_t first, std::int64_t last,
                          bool& refused) {
  SequenceInfo& info = sequences_.info(slot);
  const Rung& r = rungs_[rung];
  const std::vector<BlockKey>& keys = info.chain.extend(info.request, last * chunk_tokens_);
  missing_.clear();
  for (std::int64_t i = first; i < last; ++i)
    if (r.cache->find(chunk_key(keys, i)) == TierCache::absent) missing_.push_back(i);
  if (missing_.empty()) return;
  const auto count = static_cast<std::int64_t>(missing_.size());
  std::vector<BlockKey> evicted;
  if (!r.cache->make_room(count, evicted)) {
    refused = true;
    r.traffic->refused_blocks += count * chunk_blocks_;
    return;
  }
  for (BlockKey key : evicted) give_down(rung, key);
  for (std::int64_t i : missing_) {
    storing_.entries.push_back({rung, r.cache->insert(chunk_key(keys, i))});
    for (std::int64_t b = i * chunk_blocks_; b < (i + 1) * chunk_blocks_; ++b) {
      const BlockId block = info.blocks[static_cast<std::size_t>(b)];
      blocks_.pin(block);
      storing_.pins.push_back({info.request.id, block});
    }
  }
  storing_.job.add(none, r.cache->tier(), count * chunk_blocks_);
  r.traffic->stored_blocks += count * chunk_blocks_;
}

// What a tier gave up goes to the one below it, if that takes it, and so on; else it is lost.
void LowerTiers::give_down(std::size_t rung, BlockKey key) {
  const std::size_t below = rung + 1;
  if (below == rungs_.size() || !rungs_[below].takes_evicted) return;
  const Rung& r = rungs_[below];
  if (const TierCache::Entry e = r.cache->find(key); e != TierCache::absent) {
    r.cache->touch(e);
    return;
  }
  std::vector<BlockKey> evicted;
  if (!r.cache->make_room(1, evicted)) {
    r.traffic->refused_blocks += chunk_blocks_;
    return;
  }
  for (BlockKey lost : evicted) give_down(below, lost);
  storing_.entries.push_back({below, r.cache->insert(key)});
  storing_.job.add(rungs_[rung].cache->tier(), r.cache->tier(), chunk_blocks_);
  r.traffic->demoted_blocks += chunk_blocks_;
}

CopyJob LowerTiers::take_stores(std::int64_t id) {
  const auto depth = [&](const CopyJob::Part& p) {
    std::size_t r = 0;
    while (r < rungs_.size() && rungs_[r].cache->tier() != p.from) ++r;
    return r == rungs_.size() ? -1 : static_cast<int>(r);
  };
  std::stable_sort(storing_.job.parts.begin(), storing_.job.parts.end(),
                   [&](const auto& a, const auto& b) { return depth(a) > depth(b); });
  CopyJob job = storing_.job;
  job.id = id;
  storing_.job.id = id;
  under_way_.push_back(std::exchange(storing_, Work()));
  storing_.job.kind = CopyKind::store;
  store_ids_.push_back(id);
  return job;
}

bool LowerTiers::abandon(Slot slot) {
  const std::int64_t request = sequences_.info(slot).request.id;
  bool any = false;
  for (Work& w : under_way_) {
    const auto mine = std::stable_partition(w.pins.begin(), w.pins.end(),
                                            [&](const Pin& p) { return p.request != request; });
    for (auto p = mine; p != w.pins.end(); ++p) blocks_.unpin(p->block);
    any = any || mine != w.pins.end();
    w.pins.erase(mine, w.pins.end());
  }
  return any;
}

Slot LowerTiers::completed(std::int64_t id) {
  const auto found = std::find_if(under_way_.begin(), under_way_.end(),
                                  [&](const Work& w) { return w.job.id == id; });
  const Work work = std::move(*found);
  under_way_.erase(found);
  for (const Found& f : work.entries)
    work.slot < 0 ? rungs_[f.rung].cache->stored(f.entry) : rungs_[f.rung].cache->end_load(f.entry);
  for (auto p = work.pins.rbegin(); p != work.pins.rend(); ++p) blocks_.unpin(p->block);
  if (work.slot < 0) store_ids_.erase(std::find(store_ids_.begin(), store_ids_.end(), id));
  return work.slot;
}

}  // namespace terrace
