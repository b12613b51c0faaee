// A token that must go joins the kept token whose key is most like its own, weighted by how many
// tokens each stands for; one that is like none is dropped.
// Source: the plain form of what D2O (Wan et al., arXiv 2406.13035, section 3.3) and KVMerger (Wang
// et al., arXiv 2407.08454) refine. State: how many tokens an entry stands for.
#include <algorithm>
#include <cmath>

#include "workloads/kv/attention_kernel.h"
#include "workloads/kv/compact/compact.h"
#include "workloads/kv/entry_column.h"

namespace terrace {
namespace {

class NearestMerge final : public KvCompact {
 public:
  struct Params {
    double threshold = 0.5;
    bool compensate = false;
    static void fields(Schema<Params>& s) {
      s.field("threshold", &Params::threshold, "least cosine of two keys that join")
          .between(-1.0, 1.0);
      s.field("compensate", &Params::compensate, "an entry attracts as many tokens do");
    }
  };
  NearestMerge(const Params& params, const Context&) : p_(params) {}

  double bits_per_entry() const override { return 16; }  // the count
  Work compact(HeadCache& cache, const Verdict& v, std::vector<std::int32_t>&) override {
    const std::int64_t dim = cache.head_dim();
    counts_.grow(cache.size(), 1);
    std::vector<double> norms(static_cast<std::size_t>(cache.size()));
    const RowsView keys = cache.keys();
    for (std::int64_t i = 0; i < cache.size(); ++i)
      norms[static_cast<std::size_t>(i)] = std::sqrt(dot(keys.row(i), keys.row(i), dim));
    // All choose before any joins, so that their order does not matter.
    std::vector<std::int32_t> nearest(v.go.size(), -1);
    for (std::size_t g = 0; g < v.go.size(); ++g) {
      double most = p_.threshold;
      for (const std::int32_t s : v.stay) {
        if (v.is_protected[static_cast<std::size_t>(s)] != 0) continue;
        const double lengths =
            norms[static_cast<std::size_t>(v.go[g])] * norms[static_cast<std::size_t>(s)];
        const double like = lengths > 0 ? dot(keys.row(v.go[g]), keys.row(s), dim) / lengths : 0;
        if (like < most || (like == most && nearest[g] >= 0)) continue;
        most = like;
        nearest[g] = s;
      }
    }
    Work work;
    work.flops = 2.0 * static_cast<double>(v.go.size() * v.stay.size()) * static_cast<double>(dim);
    for (std::size_t g = 0; g < v.go.size(); ++g) {
      const std::int32_t from = v.go[g], to = nearest[g];
      if (to < 0) continue;
      const float mine = counts_[from], theirs = counts_[to], sum = mine + theirs;
      for (const HeadCache::Side side : {HeadCache::key, HeadCache::value}) {
        const float* x = cache.rows(side).row(from);
        const RowsRef row = cache.rewrite(to, side);
        for (std::int64_t c = 0; c < dim; ++c)
          row.data[c] = (theirs * row.data[c] + mine * x[c]) / sum;
      }
      counts_[to] = sum;
      if (p_.compensate) cache.weigh(to, std::log(sum));
      work.flops += 4.0 * static_cast<double>(dim);
      work.rewritten += 1;
    }
    return work;
  }
  void kept(const std::vector<std::int32_t>& slots) override { counts_.keep(slots); }

 private:
  Params p_;
  EntryColumn counts_;
};
TERRACE_REGISTER(KvCompact, NearestMerge, "nearest_merge",
                 "joins the kept token whose key is most alike");

}  // namespace
}  // namespace terrace
