// Belady's oracle: the block whose next use is farthest away leaves; no policy misses less. Needs
// BlockUse::next_use. Source: Belady, "A study of replacement algorithms for a virtual-storage
// computer", IBM Systems Journal 5(2), 1966. State: the next use of every block.
#include <algorithm>
#include <vector>

#include "models/sram/replacement.h"

namespace terrace {
namespace {

class Belady final : public Replacement {
 public:
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  Belady(const Params&, const Context& c) : ways_(c.ways), next_(std::size_t{c.sets} * c.ways) {}

  void hit(std::uint32_t set, std::uint32_t way, const BlockUse& use) override {
    next_[std::size_t{set} * ways_ + way] = use.next_use;
  }
  std::uint32_t victim(std::uint32_t set, const BlockUse&) override {
    const auto first = next_.begin() + static_cast<std::ptrdiff_t>(std::size_t{set} * ways_);
    return static_cast<std::uint32_t>(std::max_element(first, first + ways_) - first);
  }
  void fill(std::uint32_t set, std::uint32_t way, const BlockUse& use) override {
    next_[std::size_t{set} * ways_ + way] = use.next_use;
  }
  void erase(std::uint32_t, std::uint32_t) override {}

 private:
  std::uint32_t ways_;
  std::vector<std::uint64_t> next_;
};
TERRACE_REGISTER(Replacement, Belady, "belady", "farthest next use leaves; knows the future");

}  // namespace
}  // namespace terrace
