// A token counts as much as the queries that can see it attend to it on average; a few queries of
// the prompt are enough, so that a fused kernel can do the others.
// Source: He et al., "ZipCache: accurate and efficient KV cache quantization with salient token
// identification", arXiv 2405.14256, sections 4.2 and 4.3: attention summed over probe queries,
// over how many of them see the token; probes are the last ones and as many drawn by lot.
// State: a sum and a count per entry.
#include <algorithm>

#include "sim/random.h"
#include "workloads/kv/score/score.h"

namespace terrace {
namespace {

class ProbeSaliency final : public KvScore {
 public:
  struct Params {
    double recent = 0.05, random = 0.05;
    static void fields(Schema<Params>& s) {
      s.field("recent", &Params::recent, "last queries that are probes, of a prompt's chunk")
          .above(0.0)
          .at_most(1.0);
      s.field("random", &Params::random, "other queries that are, drawn by lot").between(0.0, 1.0);
    }
  };
  ProbeSaliency(const Params& params, const Context& context) : p_(params), seed_(context.seed) {}

  Cost cost() const override {
    Cost c;
    c.bits_per_entry = 64;
    c.flops_per_entry = 1;
    return c;
  }
  void queries(const HeadChunk& chunk, std::vector<std::int32_t>& wanted) const override {
    const auto last = std::max<std::int64_t>(
        1, static_cast<std::int64_t>(p_.recent * static_cast<double>(chunk.tokens) + 1e-9));
    constexpr double range = 18446744073709551616.0;  // 2^64
    for (std::int64_t t = 0; t < chunk.tokens; ++t) {
      const auto position = static_cast<std::uint64_t>(chunk.first + t);
      const bool drawn = static_cast<double>(mix_bits(seed_, position)) < p_.random * range;
      if (chunk.phase == Phase::decode || t >= chunk.tokens - last || drawn)
        wanted.push_back(static_cast<std::int32_t>(t));
    }
  }
  void appended(const HeadChunk&, const HeadCache& cache) override {
    sums_.grow(cache.size());
    seen_.grow(cache.size());
  }
  void attended(const Attended& a, const HeadCache& cache) override {
    for (std::int64_t r = 0; r < a.probabilities.rows; ++r)
      for (std::int64_t i = 0; i < cache.size(); ++i) {
        if (cache.positions()[static_cast<std::size_t>(i)] > a.queries[r]) break;
        sums_[i] += a.probabilities.row(r)[i];
        seen_[i] += 1;
      }
  }
  void score(const HeadCache& cache, float* out) override {
    for (std::int64_t i = 0; i < cache.size(); ++i) out[i] = seen_[i] > 0 ? sums_[i] / seen_[i] : 0;
  }
  void kept(const std::vector<std::int32_t>& slots) override {
    sums_.keep(slots);
    seen_.keep(slots);
  }

 private:
  Params p_;
  std::uint64_t seed_;
  EntryColumn sums_, seen_;
};
TERRACE_REGISTER(KvScore, ProbeSaliency, "probe_saliency",
                 "mean attention of probe queries that see a token (ZipCache)");

}  // namespace
}  // namespace terrace
