// Tags of a set-associative cache whose lines are valid and dirty by sector; without any time.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "models/sram/replacement.h"

namespace terrace {

// A line is a number below 2^32 - 1; which set it belongs to is the caller's to say, and always the
// same. Masks have a bit for each sector.
class SectorCache {
 public:
  using Mask = std::uint16_t;
  static constexpr std::uint32_t none = ~std::uint32_t{0};

  struct Evicted {
    std::uint32_t line = none;
    Mask valid = 0, dirty = 0;
  };

  SectorCache(std::uint32_t sets, std::uint32_t ways, std::unique_ptr<Replacement> policy)
      : ways_(ways),
        tags_(std::size_t{sets} * ways, none),
        valid_(tags_.size()),
        dirty_(tags_.size()),
        policy_(std::move(policy)) {}

  std::uint32_t find(std::uint32_t set, std::uint32_t line) const {  // its place, or none
    const std::uint32_t first = set * ways_;
    const std::uint32_t* const tags = &tags_[first];
    for (std::uint32_t way = 0; way < ways_; ++way)
      if (tags[way] == line) return first + way;
    return none;
  }
  Mask valid(std::uint32_t place) const { return valid_[place]; }
  Mask dirty(std::uint32_t place) const { return dirty_[place]; }

  void touch(std::uint32_t set, std::uint32_t place) {
    policy_->hit(set, place - set * ways_, {tags_[place]});
  }
  void add(std::uint32_t place, Mask valid, Mask dirty) {
    valid_[place] = static_cast<Mask>(valid_[place] | valid);
    dirty_[place] = static_cast<Mask>(dirty_[place] | dirty);
  }
  // Reads a line's sectors: true if all of them are there. Counts as a use if the line is.
  bool read(std::uint32_t set, std::uint32_t line, Mask sectors) {
    const std::uint32_t place = find(set, line);
    if (place == none) return false;
    touch(set, place);
    return (valid_[place] & sectors) == sectors;
  }
  // Brings sectors in, into the line's place or into one that it takes.
  Evicted fill(std::uint32_t set, std::uint32_t line, Mask valid, Mask dirty);
  Mask erase(std::uint32_t set, std::uint32_t line);  // the sectors that were dirty

 private:
  std::uint32_t ways_;
  std::vector<std::uint32_t> tags_;
  std::vector<Mask> valid_, dirty_;
  std::unique_ptr<Replacement> policy_;
};

}  // namespace terrace
