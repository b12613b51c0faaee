// More tokens for the lower layers than for the higher, in an arithmetic sequence with the same
// total as a uniform budget.
// Source: Cai et al., "PyramidKV: dynamic KV cache compression based on pyramidal information
// funneling", arXiv 2406.02069, section 4: the top layer gets mean/beta tokens, the bottom layer
// as much more than the mean as the top has less; the window that votes comes on top of both, as in
// the authors' code. State: none.
#include <cmath>

#include "workloads/kv/budget/budget.h"
#include "workloads/kv/budget/budget_size.h"

namespace terrace {
namespace {

class Pyramid final : public KvBudget {
 public:
  struct Params : BudgetSize {
    double beta = 20;
    std::int64_t apart = 0;
    static void fields(Schema<Params>& s) {
      budget_size_fields(s);
      s.field("beta", &Params::beta, "mean tokens over those of the top layer").at_least(1.0);
      apart_field(s);
    }
  };
  Pyramid(const Params& params, const Context& context)
      : p_(params), layers_(context.shape.layers) {}

  // Where the bottom layers cannot hold more than was seen, what they leave goes to the next.
  std::int64_t tokens(std::int64_t layer, std::int64_t, std::int64_t seen) override {
    const std::int64_t apart = std::min(p_.apart, p_.of(seen));
    const auto mean = static_cast<double>(p_.of(seen) - apart),
               most = static_cast<double>(seen - apart);
    double left = mean * static_cast<double>(layers_), wanted = 0;
    // The sequence from the bottom up; a layer's excess is spread over the layers above it.
    for (std::int64_t l = 0; l <= layer; ++l) {
      const auto above = static_cast<double>(layers_ - l);
      const double top = std::min(mean / p_.beta, left / above);
      const double bottom = 2 * left / above - top;
      wanted = l + 1 == layers_ ? left : std::min(bottom, most);
      left -= wanted;
    }
    const auto part = static_cast<std::int64_t>(std::min(wanted, most) + 1e-9);
    return std::max<std::int64_t>(1, apart + part);
  }

 private:
  Params p_;
  std::int64_t layers_;
};
TERRACE_REGISTER(KvBudget, Pyramid, "pyramid", "fewer tokens the higher the layer (PyramidKV)");

}  // namespace
}  // namespace terrace
