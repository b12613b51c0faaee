// A layer that needs many tokens to hold most of its attention gets many: uncertain layers first.
// Source: Zhong et al., "ZigZagKV: dynamic KV cache compression for long-context modeling based on
// layer uncertainty", arXiv 2412.09036, section 4: LMBA, the least budget whose attention is
// `mass`, mean over heads; every layer gets a floor and, of the rest, a part in proportion to its
// LMBA. State: sums per entry of the layer at work; a number per layer.
#include "workloads/kv/budget/layer_budget.h"

namespace terrace {
namespace {

class ZigZag final : public LayerBudget {
 public:
  struct Params : BudgetSize {
    std::int64_t window = 32, apart = 0;
    double mass = 0.9, floor = 0.5;
    static void fields(Schema<Params>& s) {
      budget_size_fields(s);
      s.field("window", &Params::window, "last queries of the prompt that are looked at")
          .at_least(1);
      s.field("mass", &Params::mass, "share of the attention to be held").above(0.0).at_most(1.0);
      s.field("floor", &Params::floor, "of the mean budget, that every layer gets")
          .between(0.0, 1.0);
      apart_field(s);
    }
  };
  ZigZag(const Params& params, const Context& context)
      : LayerBudget(params, context, params.window, params.floor, false, params.apart),
        p_(params) {}
  double flops_per_entry() const override { return static_cast<double>(p_.window); }

 protected:
  double weigh(std::int64_t, const std::vector<HeadWindow>& heads, std::int64_t,
               const HeadChunk&) override {
    double sum = 0;
    for (const HeadWindow& h : heads) sum += static_cast<double>(count_of_mass(h.sum, p_.mass));
    return sum / static_cast<double>(heads.size());
  }

 private:
  Params p_;
};
TERRACE_REGISTER(KvBudget, ZigZag, "zigzag", "by the least budget a layer needs (ZigZagKV)");

}  // namespace
}  // namespace terrace
