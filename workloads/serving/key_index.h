// Finds what lies under a 64-bit key: open addressing, linear probing, deletion by shifting back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "workloads/requests/block_key.h"

namespace terrace {

// Keys are hashes already: their low bits choose the place. 16 bytes a place, at most 2/3 of them
// taken.
class KeyIndex {
 public:
  static constexpr std::int32_t absent = -1;

  explicit KeyIndex(std::size_t expected = 0) { places_.resize(places_for(expected)); }

  std::int32_t find(BlockKey key) const {
    for (std::size_t i = home(key);; i = next(i)) {
      if (places_[i].value == absent) return absent;
      if (places_[i].key == key) return places_[i].value;
    }
  }

  void set(BlockKey key, std::int32_t value) {  // value at least 0
    if ((size_ + 1) * 3 > places_.size() * 2) grow();
    std::size_t i = home(key);
    while (places_[i].value != absent && places_[i].key != key) i = next(i);
    if (places_[i].value == absent) ++size_;
    places_[i] = {key, value};
  }

  bool erase(BlockKey key) {
    std::size_t hole = home(key);
    while (places_[hole].value != absent && places_[hole].key != key) hole = next(hole);
    if (places_[hole].value == absent) return false;
    for (std::size_t i = next(hole); places_[i].value != absent; i = next(i)) {
      // What may not lie before its home stays where it is.
      const std::size_t from_home = (i - home(places_[i].key)) & (places_.size() - 1);
      const std::size_t from_hole = (i - hole) & (places_.size() - 1);
      if (from_home < from_hole) continue;
      places_[hole] = places_[i];
      hole = i;
    }
    places_[hole].value = absent;
    --size_;
    return true;
  }

  std::size_t size() const { return size_; }

 private:
  struct Place {
    BlockKey key = 0;
    std::int32_t value = absent;
  };
  static std::size_t places_for(std::size_t expected) {
    std::size_t places = 16;
    while (expected * 3 > places * 2) places *= 2;
    return places;
  }
  std::size_t home(BlockKey key) const {
    return static_cast<std::size_t>(key) & (places_.size() - 1);
  }
  std::size_t next(std::size_t i) const { return (i + 1) & (places_.size() - 1); }
  void grow() {
    std::vector<Place> old(places_.size() * 2);
    old.swap(places_);
    size_ = 0;
    for (const Place& p : old)
      if (p.value != absent) set(p.key, p.value);
  }

  std::vector<Place> places_;
  std::size_t size_ = 0;
};

}  // namespace terrace
