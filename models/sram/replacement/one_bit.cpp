// Paging with one predicted bit a use, "discard" or "keep": the oldest block predicted to be
// discarded leaves; when every block is predicted to be kept, all bits are wrong together and
// become "discard". Source: Antoniadis et al., "Paging with succinct predictions", ICML 2023,
// section on discard predictions: faults <= OPT + (k - 1) wrong "keep" + wrong "discard" on k
// places. State: a bit and the order of use of each block; where no bit is given, a table of 2-bit
// counters, by block, of which came back before it left.
#include <vector>

#include "models/sram/replacement.h"
#include "models/sram/replacement/place_lists.h"
#include "sim/random.h"

namespace terrace {
namespace {

class OneBit final : public Replacement {
 public:
  struct Params {
    std::uint32_t counters = 4096;
    static void fields(Schema<Params>& s) {
      s.field("counters", &Params::counters, "of the predictor, for uses without a prediction")
          .between(1, 1u << 24);
    }
  };
  OneBit(const Params& params, const Context& c)
      : ways_(c.ways),
        lists_(std::size_t{c.sets} * 2, std::size_t{c.sets} * c.ways),
        names_(std::size_t{c.sets} * c.ways),
        came_back_(names_.size()),
        counter_(params.counters, 2) {}

  void hit(std::uint32_t set, std::uint32_t way, const BlockUse& use) override {
    const std::uint32_t place = set * ways_ + way;
    std::uint8_t& counter = counter_of(use.block);
    if (counter < 3) ++counter;
    came_back_[place] = 1;
    lists_.remove(place);
    lists_.push(set * 2 + bit(use), place);
  }
  std::uint32_t victim(std::uint32_t set, const BlockUse&) override {
    const std::uint32_t keep = set * 2, discard = keep + 1;
    if (lists_.empty(discard))
      while (!lists_.empty(keep)) lists_.push(discard, lists_.pop(keep));
    const std::uint32_t place = lists_.pop(discard);
    std::uint8_t& counter = counter_of(names_[place]);
    if (!came_back_[place] && counter > 0) --counter;
    return place - set * ways_;
  }
  void fill(std::uint32_t set, std::uint32_t way, const BlockUse& use) override {
    const std::uint32_t place = set * ways_ + way;
    names_[place] = use.block;
    came_back_[place] = 0;
    lists_.push(set * 2 + bit(use), place);
  }
  void erase(std::uint32_t set, std::uint32_t way) override { lists_.remove(set * ways_ + way); }

 private:
  std::uint8_t& counter_of(std::uint64_t block) {
    return counter_[mix_bits(1, block) % counter_.size()];
  }
  std::uint32_t bit(const BlockUse& use) {
    if (use.prediction == BlockUse::Prediction::none) return counter_of(use.block) < 2;
    return use.prediction == BlockUse::Prediction::discard;
  }

  std::uint32_t ways_;
  PlaceLists lists_;
  std::vector<std::uint64_t> names_;
  std::vector<std::uint8_t> came_back_, counter_;
};
TERRACE_REGISTER(Replacement, OneBit, "one_bit", "one predicted bit a use: keep or discard");

}  // namespace
}  // namespace terrace
