// Gives up what was used longest ago.
// Source: the default policy of vLLM 0.19's CPU offloading (v1/kv_offload/cpu/policies/lru.py).
// State: all entries in the order of their last use.
#include "sim/registry.h"
#include "workloads/serving/eviction/eviction.h"

namespace terrace {
namespace {

class Lru final : public Eviction {
 public:
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  Lru(const Params&, const Context&) {}

  void inserted(std::int32_t entry, BlockKey) override { line_.push_back(entry); }
  void touched(std::int32_t entry) override {
    line_.erase(entry);
    line_.push_back(entry);
  }
  void removed(std::int32_t entry) override { line_.erase(entry); }
  std::int32_t victim(const std::vector<std::int32_t>& pins) override {
    std::int32_t e = line_.front();
    while (e != EntryLine::end && pins[static_cast<std::size_t>(e)] > 0) e = line_.after(e);
    return e == EntryLine::end ? nothing : e;
  }

 private:
  EntryLine line_;
};
TERRACE_REGISTER(Eviction, Lru, "lru", "what was used longest ago");

}  // namespace
}  // namespace terrace
