// S3-FIFO: a small queue in front of a main queue, so that what is used once leaves quickly; a
// ghost queue readmits what left too soon. Source: Yang, Zhang, Qiu, Yue and Rashmi, "FIFO queues
// are all you need for cache eviction", SOSP 2023, algorithm 1. State: two queues and a 2-bit count
// of uses a block, and the names of as many evicted blocks as the main queue holds.
#include <algorithm>
#include <vector>

#include "models/sram/replacement.h"
#include "models/sram/replacement/ghost_lists.h"

namespace terrace {
namespace {

class S3Fifo final : public Replacement {
 public:
  struct Params {
    double small = 0.1;
    int promote_after = 2;
    static void fields(Schema<Params>& s) {
      s.field("small", &Params::small, "share of the small queue").above(0).at_most(0.9);
      s.field("promote_after", &Params::promote_after,
              "uses in the small queue that take a block to the main one")
          .between(1, 3);
    }
  };
  S3Fifo(const Params& params, const Context& c)
      : params_(params),
        ways_(c.ways),
        small_(std::max<std::uint32_t>(1, static_cast<std::uint32_t>(params.small * c.ways))),
        main_(std::max<std::uint32_t>(1, c.ways - std::min(c.ways, small_))),
        queues_(std::size_t{c.sets} * 2, std::size_t{c.sets} * c.ways),
        ghosts_(c.sets, 1, main_),
        names_(std::size_t{c.sets} * c.ways),
        uses_(names_.size()) {}

  void hit(std::uint32_t set, std::uint32_t way, const BlockUse&) override {
    std::uint8_t& uses = uses_[set * ways_ + way];
    uses = static_cast<std::uint8_t>(std::min(uses + 1, 3));
  }
  std::uint32_t victim(std::uint32_t set, const BlockUse&) override {
    const std::uint32_t small = set * 2, main = small + 1;
    for (;;) {
      if (queues_.size(small) >= small_ || queues_.empty(main)) {
        const std::uint32_t place = queues_.pop(small);
        if (uses_[place] < params_.promote_after) {
          if (ghosts_.size(set, 0) == main_) ghosts_.drop_oldest(set, 0);
          ghosts_.add(set, 0, names_[place]);
          return place - set * ways_;
        }
        uses_[place] = 0;
        queues_.push(main, place);
        if (queues_.size(main) <= main_) continue;
      }
      for (;;) {
        const std::uint32_t place = queues_.pop(main);
        if (uses_[place] == 0) return place - set * ways_;
        --uses_[place];
        queues_.push(main, place);
      }
    }
  }
  void fill(std::uint32_t set, std::uint32_t way, const BlockUse& use) override {
    const std::uint32_t place = set * ways_ + way;
    const bool again = ghosts_.find(use.block) != PlaceLists::none;
    if (again) ghosts_.drop(set, use.block);
    names_[place] = use.block;
    uses_[place] = 0;
    queues_.push(set * 2 + again, place);
  }
  void erase(std::uint32_t set, std::uint32_t way) override { queues_.remove(set * ways_ + way); }

 private:
  Params params_;
  std::uint32_t ways_, small_, main_;
  PlaceLists queues_;
  GhostLists ghosts_;
  std::vector<std::uint64_t> names_;
  std::vector<std::uint8_t> uses_;
};
TERRACE_REGISTER(Replacement, S3Fifo, "s3_fifo", "small, main and ghost FIFO queues");

}  // namespace
}  // namespace terrace
