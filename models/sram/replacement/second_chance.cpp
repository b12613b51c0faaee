// Second chance, as a clock: a hand goes round the set and takes the first block whose reference
// bit is clear, clearing those it passes. Source: Corbató, "A paging experiment with the Multics
// system", MIT Project MAC memo MAC-M-384, 1968. State: a bit for each block, a hand for each set.
#include <vector>

#include "models/sram/replacement.h"

namespace terrace {
namespace {

class SecondChance final : public Replacement {
 public:
  struct Params {
    bool referenced_on_fill = true;
    static void fields(Schema<Params>& s) {
      s.field("referenced_on_fill", &Params::referenced_on_fill,
              "the use that brings a block in sets its bit, as a page fault does");
    }
  };
  SecondChance(const Params& params, const Context& c)
      : params_(params), ways_(c.ways), hand_(c.sets), bit_(std::size_t{c.sets} * c.ways) {}

  void hit(std::uint32_t set, std::uint32_t way, const BlockUse&) override {
    bit_[std::size_t{set} * ways_ + way] = 1;
  }
  std::uint32_t victim(std::uint32_t set, const BlockUse&) override {
    std::uint8_t* const bits = &bit_[std::size_t{set} * ways_];
    for (;;) {
      const std::uint32_t way = hand_[set];
      hand_[set] = way + 1 == ways_ ? 0 : way + 1;
      if (!bits[way]) return way;
      bits[way] = 0;
    }
  }
  void fill(std::uint32_t set, std::uint32_t way, const BlockUse&) override {
    bit_[std::size_t{set} * ways_ + way] = params_.referenced_on_fill;
  }
  void erase(std::uint32_t set, std::uint32_t way) override {
    bit_[std::size_t{set} * ways_ + way] = 0;
  }

 private:
  Params params_;
  std::uint32_t ways_;
  std::vector<std::uint32_t> hand_;
  std::vector<std::uint8_t> bit_;
};
TERRACE_REGISTER(Replacement, SecondChance, "second_chance",
                 "FIFO that spares what was used since");

}  // namespace
}  // namespace terrace
