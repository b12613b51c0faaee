// Doubly linked lists over numbered places, in flat arrays: the queues of replacement policies.
#pragma once

#include <cstdint>
#include <vector>

namespace terrace {

// Each place lies in at most one list. The front is the newest, the back the oldest.
class PlaceLists {
 public:
  static constexpr std::uint32_t none = ~std::uint32_t{0};

  PlaceLists(std::size_t lists, std::size_t places)
      : ends_(lists), links_(places, {none, none, none}) {}

  std::uint32_t size(std::size_t list) const { return ends_[list].size; }
  bool empty(std::size_t list) const { return ends_[list].size == 0; }
  std::uint32_t back(std::size_t list) const { return ends_[list].back; }
  std::uint32_t newer(std::uint32_t place) const { return links_[place].newer; }
  std::uint32_t list_of(std::uint32_t place) const { return links_[place].list; }  // or none

  void push(std::size_t list, std::uint32_t place) {
    Ends& e = ends_[list];
    links_[place] = {none, e.front, static_cast<std::uint32_t>(list)};
    (e.front == none ? e.back : links_[e.front].newer) = place;
    e.front = place;
    ++e.size;
  }
  void remove(std::uint32_t place) {
    Link& l = links_[place];
    Ends& e = ends_[l.list];
    (l.newer == none ? e.front : links_[l.newer].older) = l.older;
    (l.older == none ? e.back : links_[l.older].newer) = l.newer;
    --e.size;
    l = {none, none, none};
  }
  std::uint32_t pop(std::size_t list) {
    const std::uint32_t place = back(list);
    remove(place);
    return place;
  }
  void refresh(std::uint32_t place) {  // to the front of its own list
    const std::uint32_t list = links_[place].list;
    if (ends_[list].front == place) return;
    remove(place);
    push(list, place);
  }

 private:
  struct Link {
    std::uint32_t newer, older, list;
  };
  struct Ends {
    std::uint32_t front = none, back = none, size = 0;
  };
  std::vector<Ends> ends_;
  std::vector<Link> links_;
};

}  // namespace terrace
