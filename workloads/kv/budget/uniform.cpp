// The same number of tokens for every layer and head. State: none.
// Source: the usual baseline (H2O, SnapKV).
#include "workloads/kv/budget/budget.h"
#include "workloads/kv/budget/budget_size.h"

namespace terrace {
namespace {

class Uniform final : public KvBudget {
 public:
  using Params = BudgetSize;
  Uniform(const Params& params, const Context&) : p_(params) {}

  std::int64_t tokens(std::int64_t, std::int64_t, std::int64_t seen) override {
    return p_.of(seen);
  }

 private:
  Params p_;
};
TERRACE_REGISTER(KvBudget, Uniform, "uniform", "the same for every layer and head");

}  // namespace
}  // namespace terrace
