// Adaptive replacement: two LRU lists, used once and used again, whose share follows which of the
// two the misses would have hit. Source: Megiddo and Modha, "ARC: a self-tuning, low overhead
// replacement cache", FAST 2003, figure 4. State: the lists, as many evicted names, the target.
#include <algorithm>
#include <vector>

#include "models/sram/replacement.h"
#include "models/sram/replacement/ghost_lists.h"

namespace terrace {
namespace {

class Arc final : public Replacement {
 public:
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  Arc(const Params&, const Context& c)
      : ways_(c.ways),
        lists_(std::size_t{c.sets} * 2, std::size_t{c.sets} * c.ways),
        ghosts_(c.sets, 2, c.ways + 1),
        names_(std::size_t{c.sets} * c.ways),
        target_(c.sets) {}

  void hit(std::uint32_t set, std::uint32_t way, const BlockUse&) override {
    const std::uint32_t place = set * ways_ + way;
    lists_.remove(place);
    lists_.push(set * 2 + again, place);
  }
  std::uint32_t victim(std::uint32_t set, const BlockUse& incoming) override {
    const std::uint32_t left = ghosts_.find(incoming.block);
    const double b1 = ghosts_.size(set, once), b2 = ghosts_.size(set, again);
    double& target = target_[set];
    returns_ = left != PlaceLists::none;
    if (left == once) target = std::min<double>(ways_, target + std::max(b2 / b1, 1.0));
    if (left == again) target = std::max(0.0, target - std::max(b1 / b2, 1.0));
    if (returns_) {
      const std::uint32_t way = replace(set, left == again);
      ghosts_.drop(set, incoming.block);
      return way;
    }
    const std::uint32_t t1 = lists_.size(set * 2 + once);
    if (t1 == ways_) return lists_.pop(set * 2 + once) - set * ways_;
    if (t1 + ghosts_.size(set, once) == ways_)
      ghosts_.drop_oldest(set, once);
    else if (ghosts_.size(set, once) + ghosts_.size(set, again) == ways_)
      ghosts_.drop_oldest(set, again);
    return replace(set, false);
  }
  void fill(std::uint32_t set, std::uint32_t way, const BlockUse& use) override {
    if (ghosts_.find(use.block) != PlaceLists::none) {  // a place was free
      ghosts_.drop(set, use.block);
      returns_ = true;
    }
    names_[set * ways_ + way] = use.block;
    lists_.push(set * 2 + (returns_ ? again : once), set * ways_ + way);
    returns_ = false;
  }
  void erase(std::uint32_t set, std::uint32_t way) override { lists_.remove(set * ways_ + way); }

 private:
  static constexpr std::uint32_t once = 0, again = 1;

  std::uint32_t replace(std::uint32_t set, bool left_again) {
    const std::uint32_t t1 = lists_.size(set * 2 + once);
    const bool over = t1 > target_[set] || (left_again && t1 == target_[set]);
    const std::uint32_t from = (t1 > 0 && over) || lists_.empty(set * 2 + again) ? once : again;
    const std::uint32_t place = lists_.pop(set * 2 + from);
    ghosts_.add(set, from, names_[place]);
    return place - set * ways_;
  }

  std::uint32_t ways_;
  PlaceLists lists_;
  GhostLists ghosts_;
  std::vector<std::uint64_t> names_;
  std::vector<double> target_;  // of the list used once
  bool returns_ = false;        // the block about to be filled was evicted not long ago
};
TERRACE_REGISTER(Replacement, Arc, "arc", "adapts between recency and frequency");

}  // namespace
}  // namespace terrace
