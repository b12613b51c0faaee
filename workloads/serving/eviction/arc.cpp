// Balances what was used once lately against what was used often, by what it regrets having given
// up. Source: Megiddo and Modha, "ARC: a self-tuning, low overhead replacement cache", FAST 2003;
// also in vLLM 0.19 (v1/kv_offload/cpu/policies/arc.py). State: entries seen once and entries seen
// again, in order of use; keys of the last ones given up from either (ghosts); how many of the
// capacity the first kind should have.
#include <algorithm>
#include <deque>
#include <unordered_map>

#include "sim/registry.h"
#include "workloads/serving/eviction/eviction.h"

namespace terrace {
namespace {

// Keys of what was given up, newest last; at most as many as the cache has entries.
class Ghosts {
 public:
  void remember(BlockKey key, std::int64_t most) {
    line_.push_back({key, ++serial_});
    present_[key] = serial_;
    while (static_cast<std::int64_t>(present_.size()) > most) forget_oldest();
    if (line_.size() > 2 * present_.size() + 64) {
      const auto stale = [this](const Ghost& g) {
        const auto found = present_.find(g.key);
        return found == present_.end() || found->second != g.serial;
      };
      line_.erase(std::remove_if(line_.begin(), line_.end(), stale), line_.end());
    }
  }
  bool forget(BlockKey key) { return present_.erase(key) > 0; }
  double size() const { return static_cast<double>(present_.size()); }

 private:
  struct Ghost {
    BlockKey key;
    std::int64_t serial;
  };
  void forget_oldest() {
    const Ghost g = line_.front();
    line_.pop_front();
    const auto found = present_.find(g.key);
    if (found != present_.end() && found->second == g.serial) present_.erase(found);
  }
  std::deque<Ghost> line_;
  std::unordered_map<BlockKey, std::int64_t> present_;
  std::int64_t serial_ = 0;
};

class Arc final : public Eviction {
 public:
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  Arc(const Params&, const Context& context) : capacity_(context.capacity) {}

  void inserted(std::int32_t entry, BlockKey key) override {
    const auto i = static_cast<std::size_t>(entry);
    if (entries_.size() <= i) entries_.resize(i + 1);
    // A regret moves the border, and brings the entry back as one seen twice.
    const double once = once_ghosts_.size(), often = often_ghosts_.size();
    bool again = false;
    if (once_ghosts_.forget(key)) {
      target_ = std::min(static_cast<double>(capacity_), target_ + std::max(1.0, often / once));
      again = true;
    } else if (often_ghosts_.forget(key)) {
      target_ = std::max(0.0, target_ - std::max(1.0, once / often));
      again = true;
    }
    entries_[i] = {key, again};
    (again ? often_ : once_).push_back(entry);
  }
  void touched(std::int32_t entry) override {
    Entry& e = entries_[static_cast<std::size_t>(entry)];
    (e.often ? often_ : once_).erase(entry);
    e.often = true;
    often_.push_back(entry);
  }
  void removed(std::int32_t entry) override {
    const Entry& e = entries_[static_cast<std::size_t>(entry)];
    (e.often ? often_ : once_).erase(entry);
    (e.often ? often_ghosts_ : once_ghosts_).remember(e.key, capacity_);
  }
  std::int32_t victim(const std::vector<std::int32_t>& pins) override {
    const bool from_once = static_cast<double>(once_.size()) > target_ || often_.size() == 0;
    const std::int32_t e = first_free(from_once ? once_ : often_, pins);
    return e != nothing ? e : first_free(from_once ? often_ : once_, pins);
  }

 private:
  struct Entry {
    BlockKey key = 0;
    bool often = false;
  };
  static std::int32_t first_free(const EntryLine& line, const std::vector<std::int32_t>& pins) {
    std::int32_t e = line.front();
    while (e != EntryLine::end && pins[static_cast<std::size_t>(e)] > 0) e = line.after(e);
    return e == EntryLine::end ? nothing : e;
  }

  std::int64_t capacity_;
  double target_ = 0;
  EntryLine once_, often_;
  Ghosts once_ghosts_, often_ghosts_;
  std::vector<Entry> entries_;
};
TERRACE_REGISTER(Eviction, Arc, "arc", "adapts between recent and frequent use");

}  // namespace
}  // namespace terrace
