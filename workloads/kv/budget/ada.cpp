// The heads of a layer share its budget: tokens of all heads compete by score, and a head gets as
// many as it won, but never less than a part of the mean.
// Source: Feng et al., "Ada-KV: optimizing KV cache eviction by adaptive budget allocation",
// arXiv 2407.11550, algorithm 1; with a floor of alpha. State: the scores of the layer's prompt.
#include <algorithm>

#include "workloads/kv/budget/budget.h"
#include "workloads/kv/budget/budget_size.h"
#include "workloads/kv/budget/share_out.h"

namespace terrace {
namespace {

class Ada final : public KvBudget {
 public:
  struct Params : BudgetSize {
    double floor = 0.2;
    std::int64_t apart = 0;
    static void fields(Schema<Params>& s) {
      budget_size_fields(s);
      s.field("floor", &Params::floor, "of the mean budget, that every head gets")
          .between(0.0, 1.0);
      apart_field(s);
    }
  };
  Ada(const Params& params, const Context& context)
      : p_(params),
        heads_(context.shape.kv_heads),
        won_(static_cast<std::size_t>(context.shape.layers)) {}

  void observed(std::int64_t layer, std::int64_t head, const HeadChunk& chunk,
                const HeadCache& cache, const float* scores) override {
    if (chunk.phase == Phase::decode) return;
    if (head == 0) all_.clear();
    const std::int64_t seen = chunk.first + chunk.tokens, apart = std::min(p_.apart, p_.of(seen));
    for (std::int64_t i = 0; i < cache.size(); ++i)
      if (cache.positions()[static_cast<std::size_t>(i)] < seen - apart)
        all_.emplace_back(scores[i], head);
    if (head + 1 < heads_) return;
    const std::int64_t mean = p_.of(seen) - apart;
    const auto best = static_cast<std::size_t>(
        std::min<std::int64_t>(mean * heads_, static_cast<std::int64_t>(all_.size())));
    std::stable_sort(all_.begin(), all_.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    std::vector<double>& won = won_[static_cast<std::size_t>(layer)];
    won.assign(static_cast<std::size_t>(heads_), 0.0);
    for (std::size_t i = 0; i < best; ++i) won[static_cast<std::size_t>(all_[i].second)] += 1;
  }
  std::int64_t tokens(std::int64_t layer, std::int64_t head, std::int64_t seen) override {
    const std::vector<double>& won = won_[static_cast<std::size_t>(layer)];
    const std::int64_t mean = p_.of(seen);
    if (won.empty()) return mean;
    const std::int64_t apart = std::min(p_.apart, mean);
    const auto floor = std::max<std::int64_t>(
        1, apart + static_cast<std::int64_t>(p_.floor * static_cast<double>(mean - apart)));
    return share_out(won, mean * heads_, floor, seen)[static_cast<std::size_t>(head)];
  }
  double flops_per_entry() const override { return 1; }

 private:
  Params p_;
  std::int64_t heads_;
  std::vector<std::pair<float, std::int64_t>> all_;
  std::vector<std::vector<double>> won_;  // by layer: tokens among the best of all heads
};
TERRACE_REGISTER(KvBudget, Ada, "ada", "tokens of a layer's heads compete by score (Ada-KV)");

}  // namespace
}  // namespace terrace
