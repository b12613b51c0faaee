// Gives up what was stored first, however often it has been used since.
// Source: the classic baseline (Yang et al., "FIFO queues are all you need for cache eviction",
// SOSP 2023). State: all entries in the order they came.
#include "sim/registry.h"
#include "workloads/serving/eviction/eviction.h"

namespace terrace {
namespace {

class Fifo final : public Eviction {
 public:
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  Fifo(const Params&, const Context&) {}

  void inserted(std::int32_t entry, BlockKey) override { line_.push_back(entry); }
  void touched(std::int32_t) override {}
  void removed(std::int32_t entry) override { line_.erase(entry); }
  std::int32_t victim(const std::vector<std::int32_t>& pins) override {
    std::int32_t e = line_.front();
    while (e != EntryLine::end && pins[static_cast<std::size_t>(e)] > 0) e = line_.after(e);
    return e == EntryLine::end ? nothing : e;
  }

 private:
  EntryLine line_;
};
TERRACE_REGISTER(Eviction, Fifo, "fifo", "what was stored first");

}  // namespace
}  // namespace terrace
