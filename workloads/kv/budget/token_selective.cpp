// The same for all layers, but above one layer a prompt's tokens go on only in part: the layer's
// scores say which, and the layers above compute on those alone.
// Source: Jo et al., "FastKV: decoupling of context reduction and KV cache compression for
// prefill-decoding acceleration", arXiv 2502.01068: the token-selective propagation layer and its
// rate, apart from the share of the cache. State: none.
#include <cmath>

#include "workloads/kv/budget/budget.h"
#include "workloads/kv/budget/budget_size.h"

namespace terrace {
namespace {

class TokenSelective final : public KvBudget {
 public:
  struct Params : BudgetSize {
    double depth = 0.5, rate = 0.2;
    static void fields(Schema<Params>& s) {
      budget_size_fields(s);
      s.field("depth", &Params::depth, "layers that are given all tokens, as a share of all")
          .above(0.0)
          .at_most(1.0);
      s.field("rate", &Params::rate,
              "of a prompt's tokens, those that go on; never fewer than a layer may hold")
          .above(0.0)
          .at_most(1.0);
    }
  };
  TokenSelective(const Params& params, const Context& context)
      : p_(params),
        whole_(std::max<std::int64_t>(
            1, std::lround(params.depth * static_cast<double>(context.shape.layers)))) {}

  std::int64_t tokens(std::int64_t, std::int64_t, std::int64_t seen) override {
    return p_.of(seen);
  }
  std::int64_t propagated(std::int64_t layer, std::int64_t prompt) const override {
    if (layer < whole_) return prompt;
    const auto part = static_cast<std::int64_t>(p_.rate * static_cast<double>(prompt) + 1e-9);
    return std::max(p_.of(prompt), part);
  }

 private:
  Params p_;
  std::int64_t whole_;
};
TERRACE_REGISTER(KvBudget, TokenSelective, "token_selective",
                 "fewer of a prompt's tokens for the layers above one (FastKV)");

}  // namespace
}  // namespace terrace
