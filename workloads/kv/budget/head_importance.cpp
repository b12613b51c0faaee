// Every head gets a base; what is left of the whole goes to heads in proportion to how much they
// retrieve, all layers together.
// Source: Fu et al., "Not all heads matter: a head-level KV cache compression method with
// integrated retrieval and reasoning" (HeadKV), arXiv 2410.19258, section 3.2: base b (1 - 1/beta),
// a shared pool of b/beta per head. Scores there come from needle questions that need reasoning;
// what stands in is the attention on far tokens of a captured text (or on a period before, where
// that text repeats). State: a number per head.
#include "workloads/kv/budget/budget.h"
#include "workloads/kv/budget/budget_size.h"
#include "workloads/kv/budget/share_out.h"
#include "workloads/kv/classes/head_profile.h"

namespace terrace {
namespace {

class HeadImportance final : public KvBudget {
 public:
  struct Params : BudgetSize {
    double beta = 1.2;
    std::int64_t period = 0, sinks = 4, recent = 8, apart = 0;
    static void fields(Schema<Params>& s) {
      budget_size_fields(s);
      s.field("beta", &Params::beta, "mean tokens over those that go to the shared pool")
          .at_least(1.0);
      s.field("period", &Params::period,
              "tokens after which the calibration text repeats; 0: never")
          .at_least(0);
      s.field("sinks", &Params::sinks, "first tokens that are not far").at_least(0);
      s.field("recent", &Params::recent, "last tokens that are not far").at_least(1);
      apart_field(s);
    }
  };
  HeadImportance(const Params& params, const Context& context)
      : p_(params), heads_(context.shape.kv_heads) {
    for (const HeadProfile& h :
         profile_heads(calibration_of(context), p_.sinks, p_.recent, p_.period))
      importance_.push_back(p_.period > 0 ? h.echo : h.far);
  }
  std::int64_t tokens(std::int64_t layer, std::int64_t head, std::int64_t seen) override {
    const std::int64_t mean = p_.of(seen);
    if (seen != seen_) {
      const std::int64_t apart = std::min(p_.apart, mean);
      const auto base = std::max<std::int64_t>(
          1,
          apart + static_cast<std::int64_t>(static_cast<double>(mean - apart) * (1 - 1 / p_.beta)));
      const auto n = static_cast<std::int64_t>(importance_.size());
      parts_ = share_out(importance_, mean * n, base, seen);
      seen_ = seen;
    }
    return parts_[static_cast<std::size_t>(layer * heads_ + head)];
  }

 private:
  Params p_;
  std::int64_t heads_, seen_ = -1;
  std::vector<double> importance_;  // by layer * heads + head
  std::vector<std::int64_t> parts_;
};
TERRACE_REGISTER(KvBudget, HeadImportance, "head_importance",
                 "a base for every head and a pool for those that retrieve (HeadKV)");

}  // namespace
}  // namespace terrace
