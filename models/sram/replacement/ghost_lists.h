// Blocks that left a cache not long ago, remembered by name alone.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "models/sram/replacement/place_lists.h"

namespace terrace {

// `lists` ordered lists for each of `sets` sets, with room for `room` names a set.
class GhostLists {
 public:
  GhostLists(std::size_t sets, std::uint32_t lists, std::size_t room)
      : lists_(lists), places_(sets * (lists + 1), sets * room), names_(sets * room) {
    for (std::size_t i = sets * room; i-- > 0;)
      places_.push(free_list(i / room), static_cast<std::uint32_t>(i));
  }
  std::uint32_t size(std::uint32_t set, std::uint32_t list) const {
    return places_.size(at(set, list));
  }
  // The list that the name is in, or PlaceLists::none.
  std::uint32_t find(std::uint64_t name) const {
    const auto found = index_.find(name);
    if (found == index_.end()) return PlaceLists::none;
    return places_.list_of(found->second) % (lists_ + 1);
  }
  void add(std::uint32_t set, std::uint32_t list, std::uint64_t name) {  // there is room for it
    const std::uint32_t place = places_.pop(free_list(set));
    names_[place] = name;
    index_[name] = place;
    places_.push(at(set, list), place);
  }
  void drop_oldest(std::uint32_t set, std::uint32_t list) {
    drop(set, names_[places_.back(at(set, list))]);
  }
  void drop(std::uint32_t set, std::uint64_t name) {
    const auto found = index_.find(name);
    if (found == index_.end()) return;
    places_.remove(found->second);
    places_.push(free_list(set), found->second);
    index_.erase(found);
  }

 private:
  std::size_t at(std::size_t set, std::size_t list) const { return set * (lists_ + 1) + list; }
  std::size_t free_list(std::size_t set) const { return at(set, lists_); }

  std::uint32_t lists_;
  PlaceLists places_;
  std::vector<std::uint64_t> names_;
  std::unordered_map<std::uint64_t, std::uint32_t> index_;
};

}  // namespace terrace
