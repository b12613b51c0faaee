// Layers whose attention is spread evenly keep more tokens than those where few tokens get it all.
// Source: Wan et al., "D2O: dynamic discriminative operations for efficient generative inference of
// large language models", arXiv 2406.13035, section 3.2: F, the variance of what tokens are
// attended to; parts are softmax(-F). State: sums per entry of the layer at work; F per layer.
#include <cmath>

#include "workloads/kv/budget/layer_budget.h"

namespace terrace {
namespace {

class Density final : public LayerBudget {
 public:
  struct Params : BudgetSize {
    std::int64_t window = 1 << 20;
    double floor = 0.2;
    static void fields(Schema<Params>& s) {
      budget_size_fields(s);
      s.field("window", &Params::window, "last queries of the prompt that are looked at")
          .at_least(1);
      s.field("floor", &Params::floor, "of the mean budget, that every layer gets")
          .between(0.0, 1.0);
    }
  };
  Density(const Params& params, const Context& context)
      : LayerBudget(params, context, params.window, params.floor, false) {}
  double flops_per_entry() const override { return 3; }

 protected:
  // Variance over tokens of the attention a token gets, heads together.
  double weigh(std::int64_t, const std::vector<HeadWindow>& heads, std::int64_t,
               const HeadChunk&) override {
    std::vector<double> sum(heads[0].sum.size(), 0.0);
    for (const HeadWindow& h : heads)
      for (std::size_t i = 0; i < sum.size() && i < h.sum.size(); ++i) sum[i] += h.sum[i];
    double mean = 0, squares = 0;
    for (const double x : sum) mean += x / static_cast<double>(sum.size());
    for (const double x : sum) squares += (x - mean) * (x - mean);
    return sum.empty() ? 0 : squares / static_cast<double>(sum.size());
  }
  // In units of the layers' mean, so that the length of the text does not matter.
  std::vector<double> parts(const std::vector<double>& weights) const override {
    double mean = 0;
    for (const double f : weights) mean += f / static_cast<double>(weights.size());
    std::vector<double> parts;
    for (const double f : weights) parts.push_back(mean > 0 ? std::exp(-f / mean) : 1);
    return parts;
  }
};
TERRACE_REGISTER(KvBudget, Density, "density", "by the density of a layer's attention (D2O)");

}  // namespace
}  // namespace terrace
