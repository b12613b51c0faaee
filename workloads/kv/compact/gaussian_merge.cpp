// Neighbours whose keys are alike become one, around the one that matters most: as many are joined
// as make the budget, most alike first.
// Source: Wang et al., "Model tells you where to merge: adaptive KV cache merging for LLMs on
// long-context tasks" (KVMerger), arXiv 2407.08454, section 4: sets of consecutive tokens by the
// cosine of neighbouring keys; the token of highest attention is the pivot; weights
// exp(-|k - k_p|^2 / 2 sigma^2), sigma the mean distance over sqrt 2. The threshold follows from
// the budget. State: none.
#include <algorithm>

#include "workloads/kv/compact/compact.h"
#include "workloads/kv/compact/merge.h"

namespace terrace {
namespace {

class GaussianMerge final : public KvCompact {
 public:
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  GaussianMerge(const Params&, const Context&) {}

  Work compact(HeadCache& cache, const Verdict& v, std::vector<std::int32_t>& survivors) override {
    const std::int64_t n = cache.size();
    const auto free = [&](std::int64_t i) {
      return v.is_protected[static_cast<std::size_t>(i)] == 0;
    };
    const KeyCosine cosine(cache);
    std::vector<std::pair<double, std::int64_t>> pairs;  // of neighbours i and i + 1
    for (std::int64_t i = 0; i + 1 < n; ++i)
      if (free(i) && free(i + 1)) pairs.emplace_back(cosine(i, i + 1), i);
    std::stable_sort(pairs.begin(), pairs.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    std::vector<std::uint8_t> joined(static_cast<std::size_t>(n), 0);
    for (std::size_t i = 0; i < std::min(pairs.size(), v.go.size()); ++i)
      joined[static_cast<std::size_t>(pairs[i].second)] = 1;
    Work work;
    survivors.clear();
    for (std::int64_t from = 0; from < n;) {
      std::int64_t to = from;
      while (to + 1 < n && joined[static_cast<std::size_t>(to)] != 0) ++to;
      const std::int64_t pivot = std::max_element(v.scores + from, v.scores + to + 1) - v.scores;
      if (to > from) {
        join(cache, from, to, pivot);
        work.rewritten += 1;
        work.flops += 7.0 * static_cast<double>((to - from + 1) * cache.head_dim());
      }
      survivors.push_back(static_cast<std::int32_t>(pivot));
      from = to + 1;
    }
    work.flops += 2.0 * static_cast<double>(n * cache.head_dim());
    // Where too few neighbours may be joined, the worst go.
    while (survivors.size() > v.stay.size()) {
      auto worst = survivors.end();
      for (auto s = survivors.begin(); s != survivors.end(); ++s)
        if (free(*s) && (worst == survivors.end() || v.scores[*s] < v.scores[*worst])) worst = s;
      if (worst == survivors.end()) break;
      survivors.erase(worst);
    }
    return work;
  }

 private:
  static void join(HeadCache& cache, std::int64_t from, std::int64_t to, std::int64_t pivot) {
    const std::int64_t dim = cache.head_dim();
    const RowsView keys = cache.keys();
    std::vector<double> squares;
    double mean = 0;
    for (std::int64_t i = from; i <= to; ++i) {
      double d = 0;
      for (std::int64_t c = 0; c < dim; ++c) {
        const double x = static_cast<double>(keys.at(i, c)) - keys.at(pivot, c);
        d += x * x;
      }
      squares.push_back(d);
      mean += std::sqrt(d) / static_cast<double>(to - from + 1);
    }
    const double two_sigma_squared = mean * mean;  // sigma = mean / sqrt 2
    Weighted members;
    for (std::int64_t i = from; i <= to; ++i) {
      const double d = squares[static_cast<std::size_t>(i - from)];
      members.emplace_back(static_cast<std::int32_t>(i),
                           two_sigma_squared > 0 ? std::exp(-d / two_sigma_squared) : 1);
    }
    merge_into(cache, static_cast<std::int32_t>(pivot), members);
  }
};
TERRACE_REGISTER(KvCompact, GaussianMerge, "gaussian_merge",
                 "neighbours that are alike become one (KVMerger)");

}  // namespace
}  // namespace terrace
