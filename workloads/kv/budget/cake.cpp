// A layer gets as much of the whole cache as its attention is spread out over tokens (dispersion)
// and changes from query to query (shift); layers shrink one after the other as others come.
// Source: Qin et al., "CAKE: cascading and adaptive KV cache eviction with layer preferences",
// arXiv 2503.12491, section 4: P = H^(1/tau1) V^(1/tau2), H the entropy of the last queries'
// attention, V the variance of a token's attention over those queries, summed over tokens and
// heads; B_l = P_l / sum P x B, beside the window, which every layer keeps. State: three sums per
// entry of the layer at work; a P per layer.
#include <algorithm>
#include <cmath>

#include "workloads/kv/budget/layer_budget.h"

namespace terrace {
namespace {

class Cake final : public LayerBudget {
 public:
  struct Params : BudgetSize {
    std::int64_t window = 32, apart = 0;
    double dispersion = 1, shift = 1;
    static void fields(Schema<Params>& s) {
      budget_size_fields(s);
      s.field("window", &Params::window, "last queries of the prompt that are looked at")
          .at_least(2);
      s.field("dispersion", &Params::dispersion, "the paper's tau1").above(0.0);
      s.field("shift", &Params::shift, "the paper's tau2").above(0.0);
      apart_field(s);
    }
  };
  Cake(const Params& params, const Context& context)
      : LayerBudget(params, context, params.window, 0, true, params.apart), p_(params) {}
  double flops_per_entry() const override { return 5.0 * static_cast<double>(p_.window); }

 protected:
  double weigh(std::int64_t, const std::vector<HeadWindow>& heads, std::int64_t own,
               const HeadChunk& chunk) override {
    double entropy = 0, variance = 0;
    const auto group = static_cast<double>(chunk.group);
    for (const HeadWindow& h : heads) {
      // Over the queries of all heads of the group together; what the heads share cancels little.
      const std::size_t n = h.sum.size() - static_cast<std::size_t>(own);
      for (std::size_t i = 0; i < n && h.rows > 1; ++i) {
        entropy += h.entropy[i];
        variance += group * (h.squares[i] - h.sum[i] * h.sum[i] / h.rows) / (h.rows - 1);
      }
    }
    return std::pow(entropy, 1 / p_.dispersion) * std::pow(std::max(0.0, variance), 1 / p_.shift);
  }

 private:
  Params p_;
};
TERRACE_REGISTER(KvBudget, Cake, "cake", "by dispersion and shift of a layer's attention (CAKE)");

}  // namespace
}  // namespace terrace
