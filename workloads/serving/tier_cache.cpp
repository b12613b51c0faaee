// Entries of a tier: room is made before anything is written, and nothing goes that a copy still
// needs.
#include "workloads/serving/tier_cache.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace terrace {

TierCache::TierCache(TierId tier, std::string name, std::int64_t capacity,
                     std::unique_ptr<Eviction> policy)
    : tier_(tier), name_(std::move(name)), capacity_(capacity), policy_(std::move(policy)) {}

bool TierCache::make_room(std::int64_t chunks, std::vector<BlockKey>& evicted) {
  const std::int64_t go = chunks - (capacity_ - size());
  if (go > size() - pinned_) return false;
  for (std::int64_t i = 0; i < go; ++i) {
    const Entry e = policy_->victim(pins_);
    if (e == Eviction::nothing)
      throw std::logic_error("an eviction policy found nothing to give up");
    policy_->removed(e);
    index_.erase(entries_[at(e)].key);
    evicted.push_back(entries_[at(e)].key);
    unused_.push_back(e);
    ++evictions_;
  }
  return true;
}

TierCache::Entry TierCache::insert(BlockKey key) {
  Entry e;
  if (unused_.empty()) {
    e = static_cast<Entry>(entries_.size());
    entries_.emplace_back();
    pins_.push_back(0);
  } else {
    e = unused_.back();
    unused_.pop_back();
  }
  entries_[at(e)] = {key, 0, false};
  index_.set(key, e);
  policy_->inserted(e, key);
  pin(e);
  return e;
}

void TierCache::stored(Entry e) {
  entries_[at(e)].ready = true;
  unpin(e);
}

void TierCache::begin_load(Entry e) {
  ++entries_[at(e)].loads;
  pin(e);
}

void TierCache::end_load(Entry e) {
  --entries_[at(e)].loads;
  unpin(e);
}

}  // namespace terrace
