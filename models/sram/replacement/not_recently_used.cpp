// Not recently used: one bit a block, set by use; when all of a set's bits are set the others are
// cleared, and any block with a clear bit may leave. Source: the one-bit policy of many shipped
// caches (Jaleel et al., "High performance cache replacement using RRIP", ISCA 2010, section 2).
// State: a bit for each block, and a coin that says where the search begins.
#include <vector>

#include "models/sram/replacement.h"
#include "sim/random.h"

namespace terrace {
namespace {

class NotRecentlyUsed final : public Replacement {
 public:
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  NotRecentlyUsed(const Params&, const Context& c)
      : ways_(c.ways),
        coin_(mix_bits(c.seed, 1) | 1),
        used_(c.sets),
        bit_(std::size_t{c.sets} * c.ways) {}

  void hit(std::uint32_t set, std::uint32_t way, const BlockUse&) override { mark(set, way); }
  std::uint32_t victim(std::uint32_t set, const BlockUse&) override {
    const std::uint8_t* const bits = &bit_[std::size_t{set} * ways_];
    std::uint32_t way = toss();
    for (std::uint32_t left = ways_; left > 1 && bits[way]; --left)
      way = way + 1 == ways_ ? 0 : way + 1;
    return way;
  }
  void fill(std::uint32_t set, std::uint32_t way, const BlockUse&) override { mark(set, way); }
  void erase(std::uint32_t set, std::uint32_t way) override {
    std::uint8_t& bit = bit_[std::size_t{set} * ways_ + way];
    used_[set] -= bit;
    bit = 0;
  }

 private:
  void mark(std::uint32_t set, std::uint32_t way) {
    std::uint8_t* const bits = &bit_[std::size_t{set} * ways_];
    if (bits[way]) return;
    bits[way] = 1;
    if (++used_[set] < ways_) return;
    for (std::uint32_t i = 0; i < ways_; ++i) bits[i] = i == way;
    used_[set] = 1;
  }
  std::uint32_t toss() {  // xorshift64 (Marsaglia 2003)
    coin_ ^= coin_ << 13;
    coin_ ^= coin_ >> 7;
    coin_ ^= coin_ << 17;
    return static_cast<std::uint32_t>(((coin_ >> 32) * ways_) >> 32);
  }

  std::uint32_t ways_;
  std::uint64_t coin_;
  std::vector<std::uint32_t> used_;  // bits set in each set
  std::vector<std::uint8_t> bit_;
};
TERRACE_REGISTER(Replacement, NotRecentlyUsed, "not_recently_used", "one bit of age a block");

}  // namespace
}  // namespace terrace
