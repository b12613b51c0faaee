// Tokens that come back stay until they are overdue: every token's longest wait between two steps
// that attended to it is known, and the time since the last of them is measured by it.
// Source: Zhang et al., "LazyEviction: lagged KV eviction with attention pattern observation for
// efficient long reasoning", arXiv 2506.15969: time stamp, maximum recurrence interval (MRI), and
// eviction at the ends of observation windows (the policy's `interval`). Assumed: importance is
// 2 / (1 + exp((now - stamp) / MRI)), and 0 for a token that never came back; a token comes with
// its own position as its stamp. State: stamp and MRI per entry (two 16-bit numbers).
#include <cmath>

#include "workloads/kv/score/query_window.h"
#include "workloads/kv/score/score.h"

namespace terrace {
namespace {

class Recurrence final : public KvScore {
 public:
  struct Params {
    double threshold = 0.001;
    std::int64_t window = 32;
    static void fields(Schema<Params>& s) {
      s.field("threshold", &Params::threshold, "attention from which on a token is attended to")
          .above(0.0)
          .at_most(1.0);
      s.field("window", &Params::window, "last queries of a prompt that are watched").at_least(1);
    }
  };
  Recurrence(const Params& params, const Context&) : p_(params) {}

  Cost cost() const override {
    Cost c;
    c.bits_per_entry = 32;
    c.flops_per_entry = 4;
    return c;
  }
  void queries(const HeadChunk& chunk, std::vector<std::int32_t>& wanted) const override {
    want_last(chunk, p_.window, wanted);
  }
  void appended(const HeadChunk& chunk, const HeadCache& cache) override {
    stamps_.grow(cache.size());
    longest_.grow(cache.size());
    for (std::int64_t i = cache.size() - chunk.tokens; i < cache.size(); ++i)
      stamps_[i] = static_cast<float>(cache.positions()[static_cast<std::size_t>(i)]);
  }
  void attended(const Attended& a, const HeadCache& cache) override {
    for (std::int64_t r = 0; r < a.probabilities.rows; ++r) {
      now_ = static_cast<float>(a.queries[r]);
      for (std::int64_t i = 0; i < cache.size(); ++i) {
        if (a.probabilities.at(r, i) < static_cast<float>(p_.threshold)) continue;
        longest_[i] = std::max(longest_[i], now_ - stamps_[i]);
        stamps_[i] = now_;
      }
    }
  }
  void score(const HeadCache& cache, float* out) override {
    for (std::int64_t i = 0; i < cache.size(); ++i)
      out[i] = longest_[i] > 0 ? 2 / (1 + std::exp((now_ - stamps_[i]) / longest_[i])) : 0;
  }
  void kept(const std::vector<std::int32_t>& slots) override {
    stamps_.keep(slots);
    longest_.keep(slots);
  }

 private:
  Params p_;
  float now_ = 0;
  EntryColumn stamps_, longest_;
};
TERRACE_REGISTER(KvScore, Recurrence, "recurrence",
                 "tokens that are not overdue to be attended to again stay (LazyEviction)");

}  // namespace
}  // namespace terrace
