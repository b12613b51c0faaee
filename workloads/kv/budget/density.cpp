// Layers whose attention is spread evenly keep more tokens than those where few tokens get it all.
// Source: Wan et al., "D2O: dynamic discriminative operations for efficient generative inference of
// large language models", arXiv 2406.13035, section 3.2: F, the variance of what tokens are
// attended to, within 0 and 1 as in the authors' code; parts are softmax(-F). State: sums per entry
// of the layer at work; F per layer.
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "workloads/kv/budget/layer_budget.h"

namespace terrace {
namespace {

class Density final : public LayerBudget {
 public:
  struct Params : BudgetSize {
    std::optional<std::int64_t> window;  // none: all
    double floor = 0.2;
    static void fields(Schema<Params>& s) {
      budget_size_fields(s);
      s.field("window", &Params::window, "last queries of the prompt that are looked at; none: all")
          .at_least(1);
      s.field("floor", &Params::floor, "of the mean budget, that every layer gets")
          .between(0.0, 1.0);
    }
  };
  Density(const Params& params, const Context& context)
      : LayerBudget(params, context,
                    params.window.value_or(std::numeric_limits<std::int64_t>::max() / 2),
                    params.floor, false) {}
  double flops_per_entry() const override { return 3; }

 protected:
  // Each head's variance over tokens of the attention they get, between the least and the largest
  // of the layer's heads; the mean of them.
  double weigh(std::int64_t, const std::vector<HeadWindow>& heads, std::int64_t,
               const HeadChunk&) override {
    std::vector<double> variance;
    for (const HeadWindow& h : heads) {
      const auto n = static_cast<double>(std::max<std::size_t>(1, h.sum.size()));
      double mean = 0, squares = 0;
      for (const double x : h.sum) mean += x / n;
      for (const double x : h.sum) squares += (x - mean) * (x - mean);
      variance.push_back(squares / n);
    }
    const auto [low, high] = std::minmax_element(variance.begin(), variance.end());
    double sum = 0;
    for (const double v : variance) sum += *high > *low ? (v - *low) / (*high - *low) : 0;
    return sum / static_cast<double>(variance.size());
  }
  std::vector<double> parts(const std::vector<double>& weights) const override {
    std::vector<double> parts;
    for (const double f : weights) parts.push_back(std::exp(-f));
    return parts;
  }
};
TERRACE_REGISTER(KvBudget, Density, "density", "by the density of a layer's attention (D2O)");

}  // namespace
}  // namespace terrace
