// First in, first out: the block that came first leaves, however often it was used. Source: Belady,
// Nelson and Shedler, "An anomaly in space-time characteristics of certain programs running in a
// paging machine", CACM 12(6), 1969. State: the blocks of each set in order of arrival.
#include "models/sram/replacement.h"
#include "models/sram/replacement/place_lists.h"

namespace terrace {
namespace {

class Fifo final : public Replacement {
 public:
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  Fifo(const Params&, const Context& c)
      : ways_(c.ways), order_(c.sets, std::size_t{c.sets} * c.ways) {}

  void hit(std::uint32_t, std::uint32_t, const BlockUse&) override {}
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
TERRACE_REGISTER(Replacement, Fifo, "fifo", "first in, first out");

}  // namespace
}  // namespace terrace
