// Heavy hitters that are forgotten: a query counts less by a factor for every query since, so that
// an old token's many queries do not outweigh a young one's few.
// Source: Jo et al., "A2SF: accumulative attention scoring with forgetting factor for token pruning
// in transformer decoder", arXiv 2407.20485. State: one running sum per entry (fp32).
#include "workloads/kv/score/score.h"

namespace terrace {
namespace {

class DecayedAttention final : public KvScore {
 public:
  struct Params {
    double forget = 0.2;
    static void fields(Schema<Params>& s) {
      s.field("forget", &Params::forget, "what a query counts once the next one has come")
          .above(0.0)
          .at_most(1.0);
    }
  };
  DecayedAttention(const Params& params, const Context&)
      : forget_(static_cast<float>(params.forget)) {}

  Cost cost() const override {
    Cost c;
    c.bits_per_entry = 32;
    c.flops_per_entry = 2;
    return c;
  }
  void queries(const HeadChunk& chunk, std::vector<std::int32_t>& wanted) const override {
    for (std::int64_t t = 0; t < chunk.tokens; ++t) wanted.push_back(static_cast<std::int32_t>(t));
  }
  void appended(const HeadChunk&, const HeadCache& cache) override { sums_.grow(cache.size()); }
  void attended(const Attended& a, const HeadCache& cache) override {
    for (std::int64_t r = 0; r < a.probabilities.rows; ++r) {
      const float* row = a.probabilities.row(r);
      for (std::int64_t i = 0; i < cache.size(); ++i) sums_[i] = forget_ * sums_[i] + row[i];
    }
  }
  void score(const HeadCache& cache, float* out) override {
    for (std::int64_t i = 0; i < cache.size(); ++i) out[i] = sums_[i];
  }
  void kept(const std::vector<std::int32_t>& slots) override { sums_.keep(slots); }

 private:
  float forget_;
  EntryColumn sums_;
};
TERRACE_REGISTER(KvScore, DecayedAttention, "decayed_attention",
                 "what queries have attended to, the older the less (A2SF)");

}  // namespace
}  // namespace terrace
