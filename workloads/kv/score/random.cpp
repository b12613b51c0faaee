// Any token may go: every one draws its rank once, when it comes.
// Source: the usual lower baseline of eviction papers (e.g. H2O, arXiv 2306.14048, appendix).
// State: one drawn number per entry, which a machine need not keep.
#include "sim/random.h"

#include "workloads/kv/score/score.h"

namespace terrace {
namespace {

class RandomScore final : public KvScore {
 public:
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  RandomScore(const Params&, const Context& context) : stream_(context.seed, "score.random") {}

  void appended(const HeadChunk& chunk, const HeadCache& cache) override {
    ranks_.grow(cache.size());
    for (std::int64_t i = cache.size() - chunk.tokens; i < cache.size(); ++i)
      ranks_[i] = static_cast<float>(stream_.uniform());
  }
  void score(const HeadCache& cache, float* out) override {
    for (std::int64_t i = 0; i < cache.size(); ++i) out[i] = ranks_[i];
  }
  void kept(const std::vector<std::int32_t>& slots) override { ranks_.keep(slots); }

 private:
  RandomStream stream_;
  EntryColumn ranks_;
};
TERRACE_REGISTER(KvScore, RandomScore, "random", "any token may go");

}  // namespace
}  // namespace terrace
