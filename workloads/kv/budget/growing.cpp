// A number of tokens that grows slowly with what has been seen: a base, and one more for every few.
// Source: Wu et al., "SCOPE: optimizing key-value cache compression in long-context generation",
// arXiv 2412.13649, section 4.2, for generated tokens. State: none.
#include <algorithm>

#include "workloads/kv/budget/budget.h"

namespace terrace {
namespace {

class Growing final : public KvBudget {
 public:
  struct Params {
    std::int64_t base = 256, every = 15;
    static void fields(Schema<Params>& s) {
      s.field("base", &Params::base, "tokens to begin with").at_least(1);
      s.field("every", &Params::every, "tokens seen for each one more").at_least(1);
    }
  };
  Growing(const Params& params, const Context&) : p_(params) {}

  std::int64_t tokens(std::int64_t, std::int64_t, std::int64_t seen) override {
    return std::min(seen, p_.base + seen / p_.every);
  }

 private:
  Params p_;
};
TERRACE_REGISTER(KvBudget, Growing, "growing", "a base, and one more for every few tokens (SCOPE)");

}  // namespace
}  // namespace terrace
