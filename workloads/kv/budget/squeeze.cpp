// Layers that hardly change their input get a small share of the budget; what they leave goes to
// the others.
// Source: Wang et al., "SqueezeAttention: 2D management of KV-cache in LLM inference via layer-wise
// optimal budget", arXiv 2404.04793, algorithm 1: cosine of the hidden state before and after, mean
// over the prompt; k-means into three groups; those most alike get p times the budget.
// State: the mean cosine of each layer.
#include <algorithm>
#include <cmath>

#include "workloads/kv/attention_kernel.h"
#include "workloads/kv/budget/layer_budget.h"

namespace terrace {
namespace {

class Squeeze final : public LayerBudget {
 public:
  struct Params : BudgetSize {
    double p = 0.35;
    static void fields(Schema<Params>& s) {
      budget_size_fields(s);
      s.field("p", &Params::p, "of the mean budget, for the least important group")
          .above(0.0)
          .at_most(1.0);
    }
  };
  Squeeze(const Params& params, const Context& context)
      : LayerBudget(params, context, 0, 0, false), p_(params) {}

 protected:
  // The output of a layer is the next one's input: the residual stream where it is known, else
  // what its norm made of it. The top layer, whose output nobody sees, counts as the one below.
  double weigh(std::int64_t layer, const std::vector<HeadWindow>&, std::int64_t,
               const HeadChunk& chunk) override {
    const RowsView& now = chunk.residual.empty() ? chunk.x : chunk.residual;
    if (now.empty()) throw BuildError("budget", "it needs the layers' inputs, which are not known");
    if (layer == 0) cosines_.clear();
    if (layer > 0 && now.rows == rows_) {
      double sum = 0;
      for (std::int64_t t = 0; t < now.rows; ++t) {
        const float *a = before_.data() + t * now.cols, *b = now.row(t);
        const double lengths = dot(a, a, now.cols) * dot(b, b, now.cols);
        sum += lengths > 0 ? dot(a, b, now.cols) / std::sqrt(lengths) : 0;
      }
      cosines_.push_back(sum / static_cast<double>(now.rows));
    }
    rows_ = now.rows;
    before_.clear();
    for (std::int64_t t = 0; t < now.rows; ++t)
      before_.insert(before_.end(), now.row(t), now.row(t) + now.cols);
    return 1;
  }
  std::vector<double> parts(const std::vector<double>& weights) const override {
    if (cosines_.size() + 1 != weights.size() || cosines_.empty()) return weights;
    std::vector<double> x = cosines_;
    x.push_back(x.back());
    // k-means on a line from the least, the middle and the most.
    std::vector<double> sorted = x;
    std::sort(sorted.begin(), sorted.end());
    double centre[3] = {sorted.front(), sorted[sorted.size() / 2], sorted.back()};
    std::vector<int> group(x.size(), 0);
    for (int round = 0; round < 100; ++round) {
      double sum[3] = {0, 0, 0}, count[3] = {0, 0, 0};
      for (std::size_t i = 0; i < x.size(); ++i) {
        group[i] = 0;
        for (int g = 1; g < 3; ++g)
          if (std::fabs(x[i] - centre[g]) <= std::fabs(x[i] - centre[group[i]])) group[i] = g;
        sum[group[i]] += x[i];
        count[group[i]] += 1;
      }
      for (int g = 0; g < 3; ++g)
        if (count[g] > 0) centre[g] = sum[g] / count[g];
    }
    const auto n = static_cast<double>(x.size());
    const auto alike = static_cast<double>(std::count(group.begin(), group.end(), 2));
    if (alike == n) return weights;
    for (std::size_t i = 0; i < x.size(); ++i)
      x[i] = group[i] == 2 ? p_.p : (n - alike * p_.p) / (n - alike);
    return x;
  }

 private:
  Params p_;
  std::vector<double> cosines_;
  std::vector<float> before_;
  std::int64_t rows_ = 0;
};
TERRACE_REGISTER(KvBudget, Squeeze, "squeeze",
                 "less for layers that hardly change their input (SqueezeAttention)");

}  // namespace
}  // namespace terrace
