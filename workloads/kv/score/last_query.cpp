// What the newest query attends to, and nothing before it.
// Source: Oren et al., "Transformers are multi-state RNNs" (TOVA), arXiv 2401.06104; SCOPE (Wu et
// al., arXiv 2412.13649) ranks generated tokens so, in its authors' code the newest query alone.
// State: none; the last step's attention.
#include "workloads/kv/score/query_window.h"
#include "workloads/kv/score/score.h"

namespace terrace {
namespace {

class LastQuery final : public KvScore {
 public:
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  LastQuery(const Params&, const Context&) {}

  void queries(const HeadChunk& chunk, std::vector<std::int32_t>& wanted) const override {
    want_last(chunk, 1, wanted);
  }
  void appended(const HeadChunk&, const HeadCache& cache) override { last_.grow(cache.size()); }
  void attended(const Attended& a, const HeadCache& cache) override {
    for (std::int64_t i = 0; i < cache.size(); ++i)
      last_[i] = a.probabilities.at(a.probabilities.rows - 1, i);
  }
  void score(const HeadCache& cache, float* out) override {
    for (std::int64_t i = 0; i < cache.size(); ++i) out[i] = last_[i];
  }
  void kept(const std::vector<std::int32_t>& slots) override { last_.keep(slots); }

 private:
  EntryColumn last_;
};
TERRACE_REGISTER(KvScore, LastQuery, "last_query", "what the newest query attends to (TOVA)");

}  // namespace
}  // namespace terrace
