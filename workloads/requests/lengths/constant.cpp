// Always the same length.
// Source: none needed.
// State: none.
#include "sim/registry.h"
#include "workloads/requests/lengths/length_distribution.h"

namespace terrace {
namespace {

class ConstantLength final : public LengthDistribution {
 public:
  struct Params {
    std::int64_t tokens = 0;
    static void fields(Schema<Params>& s) {
      s.field("tokens", &Params::tokens, "the length").required().between(1, 1'000'000'000);
    }
  };
  ConstantLength(const Params& params, const Context&) : tokens_(params.tokens) {}
  std::int64_t quantile(double) const override { return tokens_; }

 private:
  std::int64_t tokens_;
};

}  // namespace
TERRACE_REGISTER(LengthDistribution, ConstantLength, "constant", "always the same length");
}  // namespace terrace
