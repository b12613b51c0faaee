// Filling and clearing the lines of a sectored cache.
#include "models/sram/sector_cache.h"

namespace terrace {

SectorCache::Evicted SectorCache::fill(std::uint32_t set, std::uint32_t line, Mask valid,
                                       Mask dirty) {
  Evicted out;
  std::uint32_t place = find(set, line);
  if (place != none) {
    add(place, valid, dirty);
    return out;
  }
  place = find(set, none);
  if (place == none) {
    place = set * ways_ + policy_->victim(set, {line});
    out = {tags_[place], valid_[place], dirty_[place]};
  }
  tags_[place] = line;
  valid_[place] = valid;
  dirty_[place] = dirty;
  policy_->fill(set, place - set * ways_, {line});
  return out;
}

SectorCache::Mask SectorCache::erase(std::uint32_t set, std::uint32_t line) {
  const std::uint32_t place = find(set, line);
  if (place == none) return 0;
  const Mask dirty = dirty_[place];
  policy_->erase(set, place - set * ways_);
  tags_[place] = none;
  valid_[place] = dirty_[place] = 0;
  return dirty;
}

}  // namespace terrace
