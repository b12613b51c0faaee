// A few slots beside the budget stand for all that was dropped: means of keys and of values, each
// attracting as many tokens as it stands for.
// Source: Liu et al., "ZeroMerge/ZSMerge", arXiv 2503.10714, section 3: the first tokens that go
// are averaged in as many stretches, later ones join the slot with the largest dot product of keys;
// log of the count is added to the logit. With one slot: the compensation token of Tang et al.,
// "RazorAttention", arXiv 2407.15891, section 3.3. State: a count per slot.
#include <algorithm>

#include "workloads/kv/compact/compact.h"
#include "workloads/kv/compact/merge.h"
#include "workloads/kv/entry_column.h"

namespace terrace {
namespace {

class ResidualSlots final : public KvCompact {
 public:
  struct Params {
    std::int64_t slots = 1;
    static void fields(Schema<Params>& s) {
      s.field("slots", &Params::slots, "that stand for dropped tokens, in each head").at_least(1);
    }
  };
  ResidualSlots(const Params& params, const Context&) : p_(params) {}

  double bits() const override { return 16.0 * static_cast<double>(p_.slots); }  // the counts
  Work compact(HeadCache& cache, const Verdict& v, std::vector<std::int32_t>& survivors) override {
    counts_.grow(cache.size(), 1);
    std::vector<std::int32_t> slots;
    for (std::int64_t i = 0; i < cache.size(); ++i)
      if (cache.levels()[static_cast<std::size_t>(i)] != 0)
        slots.push_back(static_cast<std::int32_t>(i));
    std::vector<Weighted> joining(static_cast<std::size_t>(cache.size()));
    Work work;
    if (slots.empty()) {
      // Stretches of equal length; the first of each holds the mean.
      const std::size_t n = v.go.size(), count = std::min(n, static_cast<std::size_t>(p_.slots));
      for (std::size_t s = 0; s < count; ++s) {
        const std::int32_t to = v.go[n * s / count];
        cache.level(to, 1);
        slots.push_back(to);
        for (std::size_t i = n * s / count; i < n * (s + 1) / count; ++i)
          if (v.go[i] != to) joining[static_cast<std::size_t>(to)].emplace_back(v.go[i], 1.0);
      }
      survivors.insert(survivors.end(), slots.begin(), slots.end());
      std::sort(survivors.begin(), survivors.end());
    } else {
      const std::int64_t dim = cache.head_dim();
      const RowsView keys = cache.keys();
      for (const std::int32_t g : v.go) {
        std::int32_t best = slots[0];
        double most = dot(keys.row(g), keys.row(best), dim);
        for (const std::int32_t s : slots)
          if (const double like = dot(keys.row(g), keys.row(s), dim); like > most)
            most = like, best = s;
        joining[static_cast<std::size_t>(best)].emplace_back(g, 1.0);
      }
      work.flops = 2.0 * static_cast<double>(v.go.size() * slots.size()) * static_cast<double>(dim);
    }
    for (const std::int32_t s : slots) {
      Weighted& members = joining[static_cast<std::size_t>(s)];
      if (members.empty()) continue;
      work.flops +=
          4.0 * static_cast<double>(members.size()) * static_cast<double>(cache.head_dim());
      work.rewritten += 1;
      const float sum = counts_[s] + static_cast<float>(members.size());
      members.emplace_back(s, counts_[s]);
      merge_into(cache, s, members);
      counts_[s] = sum;
      cache.weigh(s, std::log(sum));
    }
    return work;
  }
  void kept(const std::vector<std::int32_t>& slots) override { counts_.keep(slots); }

 private:
  Params p_;
  EntryColumn counts_;
};
TERRACE_REGISTER(KvCompact, ResidualSlots, "residual_slots",
                 "a few means stand for all that was dropped (ZeroMerge, RazorAttention)");

}  // namespace
}  // namespace terrace
