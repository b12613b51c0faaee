// Blocks in sets: found by looking at every way of a narrow set, or through a hash table in a wide.
#include "models/sram/block_cache.h"

#include "sim/random.h"

namespace terrace {
namespace {
constexpr std::uint32_t wide = 64;
}

BlockCache::BlockCache(std::uint32_t sets, std::uint32_t ways, const Choice<Replacement>& policy,
                       std::uint64_t seed)
    : sets_(sets),
      ways_(ways),
      policy_(policy.make({sets, ways, seed})),
      names_(std::size_t{sets} * ways, nobody) {
  if (ways <= wide) return;
  std::size_t slots = 1;
  while (slots < names_.size() * 2) slots *= 2;
  table_.assign(slots, none);
  if (sets != 1) return;
  for (std::uint32_t way = ways; way-- > 0;) free_.push_back(way);
}

std::size_t BlockCache::home(std::uint64_t block) const {
  return mix_bits(0, block) & (table_.size() - 1);
}

std::uint32_t BlockCache::find(std::uint64_t block) const {
  if (!table_.empty()) {
    for (std::size_t at = home(block);; at = (at + 1) & (table_.size() - 1)) {
      if (table_[at] == none || names_[table_[at]] == block) return table_[at];
    }
  }
  const std::uint32_t first = set_of(block) * ways_;
  for (std::uint32_t place = first; place < first + ways_; ++place)
    if (names_[place] == block) return place;
  return none;
}

void BlockCache::index(std::uint32_t place) {
  if (table_.empty()) return;
  std::size_t at = home(names_[place]);
  while (table_[at] != none) at = (at + 1) & (table_.size() - 1);
  table_[at] = place;
}

void BlockCache::unindex(std::uint32_t place) {
  if (table_.empty()) return;
  const std::size_t mask = table_.size() - 1;
  std::size_t hole = home(names_[place]);
  while (table_[hole] != place) hole = (hole + 1) & mask;
  for (std::size_t at = (hole + 1) & mask; table_[at] != none; at = (at + 1) & mask) {
    const std::size_t wants = home(names_[table_[at]]);
    if (((at - wants) & mask) < ((at - hole) & mask)) continue;  // it cannot reach back so far
    table_[hole] = table_[at];
    hole = at;
  }
  table_[hole] = none;
}

bool BlockCache::access(const BlockUse& use, std::uint64_t* left) {
  if (left) *left = nobody;
  const std::uint32_t set = set_of(use.block), first = set * ways_;
  std::uint32_t place = find(use.block);
  if (place != none) {
    policy_->hit(set, place - first, use);
    return true;
  }
  if (!free_.empty()) {
    place = free_.back();
    free_.pop_back();
  } else if (sets_ > 1 || table_.empty()) {
    for (place = first; place < first + ways_ && names_[place] != nobody;) ++place;
    if (place == first + ways_) place = none;
  }
  if (place == none) {
    place = first + policy_->victim(set, use);
    unindex(place);
    if (left) *left = names_[place];
  } else {
    ++size_;
  }
  names_[place] = use.block;
  index(place);
  policy_->fill(set, place - first, use);
  return false;
}

bool BlockCache::erase(std::uint64_t block) {
  const std::uint32_t place = find(block);
  if (place == none) return false;
  const std::uint32_t set = set_of(block);
  policy_->erase(set, place - set * ways_);
  unindex(place);
  names_[place] = nobody;
  if (sets_ == 1 && !table_.empty()) free_.push_back(place);
  --size_;
  return true;
}

}  // namespace terrace
