// A TLB in front of a memory: each request waits for its translation, then goes on. Walks share a
// few walkers, and requests for a page whose walk is under way wait for that one. Source: the walk
// of Barr, Cox and Rixner, "Translation caching: skip, don't walk (the page table)", ISCA 2010.
// State: the TLBs, walks under way, requests that wait. Addresses are not moved.
#include <algorithm>
#include <deque>
#include <queue>
#include <stdexcept>
#include <unordered_map>

#include "models/sram/tlb.h"
#include "sim/burst.h"
#include "sim/random.h"

namespace terrace {
namespace {

class TlbStage final : public BurstDevice {
 public:
  struct Params : TlbParams {
    std::uint32_t walkers = 8, outstanding = 8192;
    Choice<BurstDevice> below = Choice<BurstDevice>::of("simple_memory");
    static void fields(Schema<Params>& s);
    void check(Checker& c) const { TlbParams::check(c); }
  };
  TlbStage(const Params& params, const Context& context)
      : params_(params),
        tlb_(params, context.seed),
        below_(params.below.make({context.name + ".below", mix_bits(context.seed, 1)})),
        walker_(params.walkers) {
    if (static_cast<double>(below_->footprint_limit()) >
        static_cast<double>(1ull << params.address_bits))
      throw BuildError("below", "holds more than an address of " +
                                    std::to_string(params.address_bits) + " bits reaches");
    found_.assign(tlb_.levels() + 2, 0);
  }

  bool offer(const BurstRequest& request, Time now) override {
    if (waiting_.size() + refused_.size() >= params_.outstanding) return false;
    const std::uint64_t last = request.address + request.bytes - 1;
    Time ready = translated(request.address, now);
    if (tlb_.page_of(last) != tlb_.page_of(request.address))
      ready = std::max(ready, translated(last, now));
    waiting_.push({ready, order_++, request});
    return true;
  }
  Time next_event() const override {
    const Time below = below_->next_event();
    return waiting_.empty() ? below : std::min(below, waiting_.top().ready);
  }
  void advance(Time now, std::vector<BurstAnswer>& answers) override {
    for (Time at = next_event(); at <= now; at = next_event()) {
      if (below_->next_event() <= at) below_->advance(at, answers);
      while (!waiting_.empty() && waiting_.top().ready <= at) {
        refused_.push_back(waiting_.top().request);
        waiting_.pop();
      }
      while (!refused_.empty() && below_->offer(refused_.front(), at)) refused_.pop_front();
    }
  }
  std::uint64_t footprint_limit() const override { return below_->footprint_limit(); }
  std::uint32_t granule() const override { return below_->granule(); }
  BytesPerSecond peak(Direction d) const override { return below_->peak(d); }
  Watts background() const override { return below_->background(); }
  std::vector<BurstCount> counts() const override {
    std::vector<BurstCount> out;
    for (std::uint32_t i = 0; i < tlb_.levels(); ++i)
      out.push_back({"tlb" + std::to_string(i + 1) + "_hit", "translations found there", found_[i],
                     Joules(0)});
    const std::uint32_t last = tlb_.levels();
    if (params_.in_l2)
      out.push_back({"l2_entry_hit", "found in the L2 cache", found_[last], Joules(0)});
    out.push_back({"page_walk", "walks", walks_, Joules(0)});
    out.push_back({"page_table_read", "entries that walks read", steps_, Joules(0)});
    out.push_back({"walk_merged", "waited for another's walk", merged_, Joules(0)});
    for (BurstCount& c : below_->counts()) {
      c.name = "below." + c.name;
      out.push_back(std::move(c));
    }
    return out;
  }

 private:
  struct Waiting {
    Time ready;
    std::uint64_t order;
    BurstRequest request;
    bool operator>(const Waiting& o) const {
      return ready != o.ready ? ready > o.ready : order > o.order;
    }
  };
  // When the translation is known.
  Time translated(std::uint64_t address, Time now) {
    const std::uint64_t page = tlb_.page_of(address);
    const Tlb::Answer answer = tlb_.translate(address);
    if (!answer.walked()) {
      ++found_[answer.found];
      if (under_way_.empty()) return now + answer.latency;
      const auto walk = under_way_.find(page);
      if (walk == under_way_.end()) return now + answer.latency;
      if (walk->second > now) {  // the entry is there, but not filled yet
        ++merged_;
        return walk->second;
      }
      under_way_.erase(walk);
      return now + answer.latency;
    }
    ++walks_;
    steps_ += answer.steps;
    const Time steps = Time::nearest(params_.walk_step) * answer.steps;
    Time& free = *std::min_element(walker_.begin(), walker_.end());
    free = std::max(free, now + (answer.latency - steps)) + steps;
    if (under_way_.size() > 4096)
      for (auto i = under_way_.begin(); i != under_way_.end();)
        i = i->second <= now ? under_way_.erase(i) : std::next(i);
    under_way_[page] = free;
    return free;
  }

  Params params_;
  Tlb tlb_;
  std::unique_ptr<BurstDevice> below_;
  std::vector<Time> walker_;                           // busy until
  std::unordered_map<std::uint64_t, Time> under_way_;  // walks, by page
  std::priority_queue<Waiting, std::vector<Waiting>, std::greater<Waiting>> waiting_;
  std::deque<BurstRequest> refused_;
  std::uint64_t order_ = 0;
  std::vector<std::int64_t> found_;
  std::int64_t walks_ = 0, steps_ = 0, merged_ = 0;
};

void TlbStage::Params::fields(Schema<Params>& s) {
  common_fields(s);
  s.field("walkers", &Params::walkers, "walks at once").between(1, 1024);
  s.field("outstanding", &Params::outstanding, "requests that wait for translation")
      .between(1, 1u << 22);
  s.field("below", &Params::below, "the memory");
}
TERRACE_REGISTER(BurstDevice, TlbStage, "tlb", "translation in front of a memory");

}  // namespace
}  // namespace terrace
