// Chunk by chunk, every other token looks for its like among the rest, and the pairs that are most
// alike become one, weighted by how many tokens each stands for; again until there is room.
// Source: Hu et al., "Efficient long-context LLM inference via KV cache clustering" (Chelsea),
// arXiv 2506.11418, section 3: chunked soft matching with alternating partition, centroids.
// State: how many tokens an entry stands for.
#include <algorithm>

#include "workloads/kv/compact/compact.h"
#include "workloads/kv/compact/merge.h"
#include "workloads/kv/entry_column.h"

namespace terrace {
namespace {

class SoftMatching final : public KvCompact {
 public:
  struct Params {
    std::int64_t chunk = 256;
    bool compensate = true;
    static void fields(Schema<Params>& s) {
      s.field("chunk", &Params::chunk, "entries within which likes are looked for").at_least(2);
      s.field("compensate", &Params::compensate, "an entry attracts as many tokens do");
    }
  };
  SoftMatching(const Params& params, const Context&) : p_(params) {}

  double bits_per_entry() const override { return 16; }  // the count
  Work compact(HeadCache& cache, const Verdict& v, std::vector<std::int32_t>& survivors) override {
    counts_.grow(cache.size(), 1);
    std::vector<std::int32_t> fixed, open;
    for (std::int64_t i = 0; i < cache.size(); ++i)
      (v.is_protected[static_cast<std::size_t>(i)] != 0 ? fixed : open)
          .push_back(static_cast<std::int32_t>(i));
    Work work;
    while (open.size() + fixed.size() > v.stay.size() && open.size() > 1)
      open = round(cache, open, open.size() + fixed.size() - v.stay.size(), work);
    // No room even for one: it goes too.
    if (open.size() + fixed.size() > v.stay.size()) open.clear();
    survivors = fixed;
    survivors.insert(survivors.end(), open.begin(), open.end());
    std::sort(survivors.begin(), survivors.end());
    return work;
  }
  void kept(const std::vector<std::int32_t>& slots) override { counts_.keep(slots); }

 private:
  struct Edge {
    double like;
    std::int32_t from, to;
  };
  // Joins at most `wanted` pairs; who is left.
  std::vector<std::int32_t> round(HeadCache& cache, const std::vector<std::int32_t>& open,
                                  std::size_t wanted, Work& work) {
    const KeyCosine cosine(cache);
    const auto chunk = static_cast<std::size_t>(p_.chunk);
    std::vector<Edge> edges;
    for (std::size_t first = 0; first < open.size(); first += chunk) {
      const std::size_t end = std::min(open.size(), first + chunk);
      for (std::size_t a = first; a < end; a += 2) {
        Edge best{-2, open[a], -1};
        for (std::size_t b = first + 1; b < end; b += 2)
          if (const double like = cosine(open[a], open[b]); like > best.like)
            best = {like, open[a], open[b]};
        if (best.to >= 0) edges.push_back(best);
        work.flops += static_cast<double>(end - first) * static_cast<double>(cache.head_dim());
      }
    }
    std::stable_sort(edges.begin(), edges.end(),
                     [](const Edge& a, const Edge& b) { return a.like > b.like; });
    edges.resize(std::min(edges.size(), wanted));
    std::vector<std::int32_t> left;
    for (const std::int32_t slot : open) {
      Weighted members{{slot, static_cast<double>(counts_[slot])}};
      bool gone = false;
      for (const Edge& e : edges) {
        gone = gone || e.from == slot;
        if (e.to == slot) members.emplace_back(e.from, static_cast<double>(counts_[e.from]));
      }
      if (gone) continue;
      left.push_back(slot);
      if (members.size() == 1) continue;
      merge_into(cache, slot, members);
      for (std::size_t i = 1; i < members.size(); ++i)
        counts_[slot] += static_cast<float>(members[i].second);
      if (p_.compensate) cache.weigh(slot, std::log(counts_[slot]));
      work.rewritten += 1;
      work.flops +=
          4.0 * static_cast<double>(members.size()) * static_cast<double>(cache.head_dim());
    }
    return left;
  }
  Params p_;
  EntryColumn counts_;
};
TERRACE_REGISTER(KvCompact, SoftMatching, "soft_matching",
                 "pairs of like keys of a chunk become one (Chelsea)");

}  // namespace
}  // namespace terrace
