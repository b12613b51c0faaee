// As many tokens as hold a share of the layer's attention: no fixed size, each text has its own.
// Source: He et al., "ZipVL: efficient large vision-language models with dynamic token
// sparsification and KV cache compression", arXiv 2410.08584, section 4.1: the least number of
// tokens whose accumulated attention is tau of the whole, mean over heads.
// State: a sum per entry of the layer at work; the share of tokens of each layer.
#include <algorithm>
#include <cmath>

#include "workloads/kv/budget/layer_budget.h"

namespace terrace {
namespace {

class AttentionMass final : public LayerBudget {
 public:
  struct Params {
    std::int64_t window = 64;
    double share = 0.975;
    static void fields(Schema<Params>& s) {
      s.field("window", &Params::window, "last queries of the prompt that are looked at")
          .at_least(1);
      s.field("share", &Params::share, "of the attention to be held; 1: all tokens")
          .above(0.0)
          .at_most(1.0);
    }
  };
  AttentionMass(const Params& params, const Context& context)
      : LayerBudget({}, context, params.window, 0, false),
        p_(params),
        part_(static_cast<std::size_t>(context.shape.layers), 1.0) {}
  bool cascades() const override { return false; }  // layers do not depend on each other
  double flops_per_entry() const override { return static_cast<double>(p_.window); }
  std::int64_t tokens(std::int64_t layer, std::int64_t, std::int64_t seen) override {
    const double part = part_[static_cast<std::size_t>(layer)];
    return std::max<std::int64_t>(
        1, static_cast<std::int64_t>(std::ceil(part * static_cast<double>(seen) - 1e-9)));
  }

 protected:
  double weigh(std::int64_t layer, const std::vector<HeadWindow>& heads, std::int64_t,
               const HeadChunk&) override {
    if (p_.share >= 1) return 1;
    std::vector<double> sum(heads[0].sum.size(), 0.0);
    for (const HeadWindow& h : heads)
      for (std::size_t i = 0; i < sum.size() && i < h.sum.size(); ++i) sum[i] += h.sum[i];
    const auto n = static_cast<double>(sum.size());
    if (n > 0)
      part_[static_cast<std::size_t>(layer)] =
          static_cast<double>(count_of_mass(sum, p_.share)) / n;
    return 1;
  }

 private:
  Params p_;
  std::vector<double> part_;
};
TERRACE_REGISTER(KvBudget, AttentionMass, "attention_mass",
                 "as many tokens as hold a share of a layer's attention (ZipVL)");

}  // namespace
}  // namespace terrace
