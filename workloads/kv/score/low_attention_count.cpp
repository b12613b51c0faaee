// Tokens that were seldom pivotal go: those which the most of the last queries gave less attention
// than an even share.
// Source: Liu et al., "Scissorhands: exploiting the persistence of importance hypothesis for LLM KV
// cache compression at test time", arXiv 2305.17118, algorithm 2 (a counter goes up where attention
// is below 1/t; the highest counts go). t is the number of entries that a query saw.
// State: one bit per entry and query of the history window.
#include "workloads/kv/score/query_window.h"
#include "workloads/kv/score/score.h"

namespace terrace {
namespace {

class LowAttentionCount final : public KvScore {
 public:
  struct Params {
    std::int64_t window = 400;
    static void fields(Schema<Params>& s) {
      s.field("window", &Params::window, "last queries that count: the history window").at_least(1);
    }
  };
  LowAttentionCount(const Params& params, const Context&) : low_(params.window) {}

  Cost cost() const override {
    Cost c;
    c.bits_per_entry = static_cast<double>(low_.window());
    c.flops_per_entry = static_cast<double>(low_.window());
    return c;
  }
  void queries(const HeadChunk& chunk, std::vector<std::int32_t>& wanted) const override {
    want_last(chunk, low_.window(), wanted);
  }
  void appended(const HeadChunk&, const HeadCache& cache) override { low_.grow(cache.size()); }
  void attended(const Attended& a, const HeadCache& cache) override {
    const std::vector<std::int32_t>& at = cache.positions();
    for (std::int64_t r = 0; r < a.probabilities.rows; ++r) {
      const float* row = a.probabilities.row(r);
      const auto saw = static_cast<std::size_t>(
          std::upper_bound(at.begin(), at.end(), a.queries[r]) - at.begin());
      const float even = 1 / static_cast<float>(saw);
      low_.push([&](std::size_t i) {
        return static_cast<std::uint8_t>(i < saw && row[i] < even ? 1 : 0);
      });
    }
  }
  void score(const HeadCache& cache, float* out) override {
    for (std::int64_t i = 0; i < cache.size(); ++i) {
      int count = 0;
      low_.each(static_cast<std::size_t>(i), [&count](std::uint8_t low) { count += low; });
      out[i] = static_cast<float>(-count);
    }
  }
  void kept(const std::vector<std::int32_t>& slots) override { low_.keep(slots); }

 private:
  QueryWindow<std::uint8_t> low_;
};
TERRACE_REGISTER(KvScore, LowAttentionCount, "low_attention_count",
                 "tokens that queries often gave less than an even share go (Scissorhands)");

}  // namespace
}  // namespace terrace
