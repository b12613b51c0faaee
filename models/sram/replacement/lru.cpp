// Least recently used: the block that was not touched for longest leaves. Source: Mattson, Gecsei,
// Slutz and Traiger, "Evaluation techniques for storage hierarchies", IBM Systems Journal 9(2),
// 1970 (a stack algorithm). State: the blocks of each set in order of use.
#include "models/sram/replacement.h"
#include "models/sram/replacement/place_lists.h"

namespace terrace {
namespace {

class Lru final : public Replacement {
 public:
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  Lru(const Params&, const Context& c)
      : ways_(c.ways), order_(c.sets, std::size_t{c.sets} * c.ways) {}

  void hit(std::uint32_t set, std::uint32_t way, const BlockUse&) override {
    order_.refresh(set * ways_ + way);
  }
  std::uint32_t victim(std::uint32_t set, const BlockUse&) override {
    return order_.pop(set) - set * ways_;
  }
  void fill(std::uint32_t set, std::uint32_t way, const BlockUse&) override {
    order_.push(set, set * ways_ + way);
  }
  void erase(std::uint32_t set, std::uint32_t way) override { order_.remove(set * ways_ + way); }

 private:
  std::uint32_t ways_;
  PlaceLists order_;
};
TERRACE_REGISTER(Replacement, Lru, "lru", "least recently used");

}  // namespace
}  // namespace terrace
