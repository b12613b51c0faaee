// The higher a layer, the fewer of the prompt's tokens it is given at all: keys and values of the
// others are never computed there.
// Source: Yang et al., "PyramidInfer: pyramid KV cache compression for high-throughput LLM
// inference", arXiv 2405.12532, algorithm 1: the retention ratio decays with depth, and a layer's
// pivotal tokens are what the next one computes. State: none.
#include <cmath>

#include "workloads/kv/budget/budget.h"
#include "workloads/kv/budget/budget_size.h"
#include "workloads/kv/budget/share_out.h"

namespace terrace {
namespace {

class PyramidInfer final : public KvBudget {
 public:
  struct Params : BudgetSize {
    double decay = 0.9;
    static void fields(Schema<Params>& s) {
      budget_size_fields(s);
      s.field("decay", &Params::decay, "tokens of a layer over those of the one below")
          .above(0.0)
          .at_most(1.0);
    }
  };
  PyramidInfer(const Params& params, const Context& context) : p_(params) {
    for (std::int64_t l = 0; l < context.shape.layers; ++l)
      weights_.push_back(std::pow(p_.decay, static_cast<double>(l)));
  }
  std::int64_t tokens(std::int64_t layer, std::int64_t, std::int64_t seen) override {
    return of(layer, seen);
  }
  // The tokens that the layer below keeps.
  std::int64_t propagated(std::int64_t layer, std::int64_t prompt) const override {
    return layer == 0 ? prompt : of(layer - 1, prompt);
  }

 private:
  std::int64_t of(std::int64_t layer, std::int64_t seen) const {
    const auto layers = static_cast<std::int64_t>(weights_.size());
    return share_out(weights_, p_.of(seen) * layers, 1, seen)[static_cast<std::size_t>(layer)];
  }
  Params p_;
  std::vector<double> weights_;
};
TERRACE_REGISTER(KvBudget, PyramidInfer, "pyramid_infer",
                 "fewer tokens computed the higher the layer (PyramidInfer)");

}  // namespace
}  // namespace terrace
