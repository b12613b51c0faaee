// The value of a token that must go is spread over the next kept ones, if a draw says so: the more
// attention it had beside theirs, the likelier. Its key is gone.
// Source: Zhang et al., "CaM: cache merging for memory-efficient LLMs inference", ICML 2024,
// algorithm 1: with probability min(1, A_i / mean of A), each of the next m values, protected ones
// too, gets v_i / m. The mean is over all that is kept, sinks included, as in the authors' code:
// over the next m alone sums of attention, which the newest have few of, would make it nearly sure.
// State: none but the stream of draws.
#include <algorithm>

#include "sim/random.h"
#include "workloads/kv/compact/compact.h"

namespace terrace {
namespace {

class ValueMerge final : public KvCompact {
 public:
  struct Params {
    std::int64_t over = 32;
    static void fields(Schema<Params>& s) {
      s.field("over", &Params::over, "kept tokens that a value is spread over").at_least(1);
    }
  };
  ValueMerge(const Params& params, const Context& context)
      : p_(params), stream_(context.seed, "compact.value_merge") {}

  Work compact(HeadCache& cache, const Verdict& v, std::vector<std::int32_t>&) override {
    Work work;
    const std::int64_t dim = cache.head_dim();
    double mean = 0;
    for (const std::int32_t s : v.stay)
      mean += static_cast<double>(v.scores[s]) / static_cast<double>(v.stay.size());
    for (const std::int32_t g : v.go) {
      std::vector<std::int32_t> next;
      for (auto s = std::upper_bound(v.stay.begin(), v.stay.end(), g);
           s != v.stay.end() && static_cast<std::int64_t>(next.size()) < p_.over; ++s)
        next.push_back(*s);
      const double draw = stream_.uniform();  // one for each, whatever becomes of it
      if (next.empty()) continue;
      if (!(draw * mean < static_cast<double>(v.scores[g]))) continue;
      const auto share = 1 / static_cast<float>(p_.over);
      for (const std::int32_t s : next) {
        const float* x = cache.values().row(g);
        const RowsRef row = cache.rewrite(s, HeadCache::value);
        for (std::int64_t c = 0; c < dim; ++c) row.data[c] += share * x[c];
      }
      work.flops += 2.0 * static_cast<double>(dim) * static_cast<double>(next.size());
      work.rewritten += static_cast<double>(next.size());
    }
    return work;
  }

 private:
  Params p_;
  RandomStream stream_;
};
TERRACE_REGISTER(KvCompact, ValueMerge, "value_merge",
                 "values are spread over the next kept tokens, by a draw (CaM)");

}  // namespace
}  // namespace terrace
