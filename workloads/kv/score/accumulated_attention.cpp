// Heavy hitters: a token counts as much as all queries so far have attended to it.
// Source: Zhang et al., "H2O: heavy-hitter oracle for efficient generative inference of large
// language models", arXiv 2306.14048, algorithm 1. State: one running sum per entry (fp32).
#include "workloads/kv/score/score.h"

namespace terrace {
namespace {

class AccumulatedAttention final : public KvScore {
 public:
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  AccumulatedAttention(const Params&, const Context&) {}

  Cost cost() const override {
    Cost c;
    c.bits_per_entry = 32;
    c.flops_per_entry = 1;
    return c;
  }
  void queries(const HeadChunk& chunk, std::vector<std::int32_t>& wanted) const override {
    for (std::int64_t t = 0; t < chunk.tokens; ++t) wanted.push_back(static_cast<std::int32_t>(t));
  }
  void appended(const HeadChunk&, const HeadCache& cache) override { sums_.grow(cache.size()); }
  void attended(const Attended& a, const HeadCache& cache) override {
    for (std::int64_t r = 0; r < a.probabilities.rows; ++r) {
      const float* row = a.probabilities.row(r);
      for (std::int64_t i = 0; i < cache.size(); ++i) sums_[i] += row[i];
    }
  }
  void score(const HeadCache& cache, float* out) override {
    for (std::int64_t i = 0; i < cache.size(); ++i) out[i] = sums_[i];
  }
  void kept(const std::vector<std::int32_t>& slots) override { sums_.keep(slots); }

 private:
  EntryColumn sums_;
};
TERRACE_REGISTER(KvScore, AccumulatedAttention, "accumulated_attention",
                 "what all queries have attended to (H2O)");

}  // namespace
}  // namespace terrace
