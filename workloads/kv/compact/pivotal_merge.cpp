// A token that must go is first averaged with the kept token most like it; the kept one becomes the
// mean of itself and of those averages, so that it stays the pivot however many join.
// Source: Wan et al., "LOOK-M: look-once optimization in KV cache for efficient multimodal
// long-context inference", arXiv 2406.18139, section 3.3: pivotal merging, by cosine of keys; its
// averaged merging is nearest_merge. State: none.
#include "workloads/kv/compact/compact.h"
#include "workloads/kv/compact/merge.h"

namespace terrace {
namespace {

class PivotalMerge final : public KvCompact {
 public:
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  PivotalMerge(const Params&, const Context&) {}

  Work compact(HeadCache& cache, const Verdict& v, std::vector<std::int32_t>&) override {
    const std::vector<std::int32_t> pivots = free_slots(v.stay, v.is_protected);
    Work work;
    if (pivots.empty()) return work;
    const KeyCosine cosine(cache);
    std::vector<Weighted> joining(static_cast<std::size_t>(cache.size()));
    for (const std::int32_t g : v.go) {
      std::int32_t best = pivots[0];
      double most = cosine(g, best);
      for (const std::int32_t p : pivots)
        if (const double like = cosine(g, p); like > most) most = like, best = p;
      joining[static_cast<std::size_t>(best)].emplace_back(g, 0.5);
    }
    const auto dim = static_cast<double>(cache.head_dim());
    work.flops = 2.0 * static_cast<double>(v.go.size() * pivots.size()) * dim;
    for (const std::int32_t p : pivots) {
      Weighted& members = joining[static_cast<std::size_t>(p)];
      if (members.empty()) continue;
      work.flops += 4.0 * static_cast<double>(members.size()) * dim;
      work.rewritten += 1;
      // Half of every average is the pivot.
      members.emplace_back(p, 1 + 0.5 * static_cast<double>(members.size()));
      merge_into(cache, p, members);
    }
    return work;
  }
};
TERRACE_REGISTER(KvCompact, PivotalMerge, "pivotal_merge",
                 "joins the most alike, which stays the pivot (LOOK-M)");

}  // namespace
}  // namespace terrace
