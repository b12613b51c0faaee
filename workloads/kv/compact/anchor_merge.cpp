// A token that must go joins the kept token that stands nearest to it in the text; an anchor is the
// mean of all that joined it.
// Source: Liu et al., "Efficient inference of vision instruction-following models with elastic
// cache", arXiv 2407.18121, section 3.2: anchors, and buckets of the tokens around them.
// State: how many tokens an entry stands for.
#include <algorithm>

#include "workloads/kv/compact/compact.h"
#include "workloads/kv/compact/merge.h"
#include "workloads/kv/entry_column.h"

namespace terrace {
namespace {

class AnchorMerge final : public KvCompact {
 public:
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  AnchorMerge(const Params&, const Context&) {}

  double bits_per_entry() const override { return 16; }  // the count
  Work compact(HeadCache& cache, const Verdict& v, std::vector<std::int32_t>&) override {
    counts_.grow(cache.size(), 1);
    const std::vector<std::int32_t> anchors = free_slots(v.stay, v.is_protected);
    Work work;
    if (anchors.empty()) return work;
    std::vector<Weighted> bucket(static_cast<std::size_t>(cache.size()));
    const auto at = [&](std::int32_t slot) {
      return cache.positions()[static_cast<std::size_t>(slot)];
    };
    for (const std::int32_t g : v.go) {
      const auto after = std::lower_bound(anchors.begin(), anchors.end(), g);
      std::int32_t nearest = after == anchors.end() ? anchors.back() : *after;
      if (after != anchors.begin() && at(g) - at(*(after - 1)) <= std::abs(at(nearest) - at(g)))
        nearest = *(after - 1);  // of equals, the earlier
      bucket[static_cast<std::size_t>(nearest)].emplace_back(g, counts_[g]);
    }
    for (const std::int32_t a : anchors) {
      Weighted& members = bucket[static_cast<std::size_t>(a)];
      if (members.empty()) continue;
      work.flops +=
          4.0 * static_cast<double>(members.size()) * static_cast<double>(cache.head_dim());
      work.rewritten += 1;
      float sum = counts_[a];
      for (const auto& [slot, count] : members) sum += static_cast<float>(count);
      members.emplace_back(a, counts_[a]);
      merge_into(cache, a, members);
      counts_[a] = sum;
    }
    return work;
  }
  void kept(const std::vector<std::int32_t>& slots) override { counts_.keep(slots); }

 private:
  EntryColumn counts_;
};
TERRACE_REGISTER(KvCompact, AnchorMerge, "anchor_merge",
                 "joins the kept token that stands nearest (Elastic Cache)");

}  // namespace
}  // namespace terrace
