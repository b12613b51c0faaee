// A token counts as all queries have attended to it, or as the last ones do, whichever is more:
// the sum over all favours old tokens, the sum over the last ones recent tokens.
// Source: Li et al., "EMS", arXiv 2412.08521, section 3.1: the global sum is brought to the mean of
// the local one, and the larger counts. State: two running sums per entry; generated tokens add to
// both.
#include <algorithm>

#include "workloads/kv/score/score.h"

namespace terrace {
namespace {

class GlobalLocal final : public KvScore {
 public:
  struct Params {
    std::int64_t window = 32;
    static void fields(Schema<Params>& s) {
      s.field("window", &Params::window, "last queries of the prompt that are local").at_least(1);
    }
  };
  GlobalLocal(const Params& params, const Context&) : p_(params) {}

  Cost cost() const override {
    Cost c;
    c.bits_per_entry = 64;
    c.flops_per_entry = 2;
    return c;
  }
  void queries(const HeadChunk& chunk, std::vector<std::int32_t>& wanted) const override {
    for (std::int64_t t = 0; t < chunk.tokens; ++t) wanted.push_back(static_cast<std::int32_t>(t));
  }
  void appended(const HeadChunk& chunk, const HeadCache& cache) override {
    global_.grow(cache.size());
    local_.grow(cache.size());
    end_ = chunk.first + chunk.tokens;
    if (chunk.phase == Phase::decode) return;
    for (std::int64_t i = 0; i < cache.size(); ++i) local_[i] = 0;
  }
  void attended(const Attended& a, const HeadCache& cache) override {
    for (std::int64_t r = 0; r < a.probabilities.rows; ++r)
      for (std::int64_t i = 0; i < cache.size(); ++i) {
        const float p = a.probabilities.row(r)[i];
        global_[i] += p;
        if (a.queries[r] >= end_ - p_.window) local_[i] += p;
      }
  }
  void score(const HeadCache& cache, float* out) override {
    double global = 0, local = 0;
    for (std::int64_t i = 0; i < cache.size(); ++i) global += global_[i], local += local_[i];
    const float ratio = global > 0 ? static_cast<float>(local / global) : 1;
    for (std::int64_t i = 0; i < cache.size(); ++i)
      out[i] = std::max(local_[i], ratio * global_[i]);
  }
  void kept(const std::vector<std::int32_t>& slots) override {
    global_.keep(slots);
    local_.keep(slots);
  }

 private:
  Params p_;
  EntryColumn global_, local_;
  std::int64_t end_ = 0;
};
TERRACE_REGISTER(KvScore, GlobalLocal, "global_local",
                 "all queries' attention or the last ones', the larger (EMS)");

}  // namespace
}  // namespace terrace
