// Input and output from a distribution each, with their rank correlation.
// Source: Gaussian copula, see request_lengths.h. ServeGen (arXiv 2505.09999) finds the correlation
// of production traces weak; the fitted members of this family state theirs.
// State: none.
#include "sim/registry.h"
#include "workloads/requests/lengths/length_distribution.h"
#include "workloads/requests/lengths/request_lengths.h"

namespace terrace {
namespace {

class SeparateLengths final : public RequestLengths {
 public:
  struct Params {
    Choice<LengthDistribution> input, output;
    double rank_correlation = 0;
    static void fields(Schema<Params>& s) {
      s.field("input", &Params::input, "length of the prompt").required().not_empty();
      s.field("output", &Params::output, "length of the answer").required().not_empty();
      s.field("rank_correlation", &Params::rank_correlation,
              "Spearman's rho between the two, by a Gaussian copula")
          .between(-1, 1);
    }
  };
  SeparateLengths(const Params& params, const Context&)
      : input_(params.input.make({})),
        output_(params.output.make({})),
        copula_(params.rank_correlation) {}
  Pair draw(RandomStream& random) const override {
    const auto [u, v] = copula_.draw(random);
    return {input_->quantile(u), output_->quantile(v)};
  }

 private:
  std::unique_ptr<LengthDistribution> input_, output_;
  RankCopula copula_;
};

}  // namespace
TERRACE_REGISTER(RequestLengths, SeparateLengths, "separate",
                 "input and output from a distribution each");
}  // namespace terrace
