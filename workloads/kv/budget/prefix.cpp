// Each layer keeps as long a prefix of its tokens, sorted by importance, as holds the same share of
// importance in all layers; that share is found by bisection so that the whole budget is met.
// Source: Wang et al., "PrefixKV: adaptive prefix KV cache is what vision instruction-following
// models need for efficient generation", arXiv 2412.03409, section 3.3: found beforehand on a few
// texts, kept as a share of the tokens for each layer. Here: on the calibration text, importance
// summed over queries and heads. State: a curve per layer, offline; a share per layer.
#include <algorithm>
#include <cmath>
#include <functional>

#include "workloads/kv/attention_kernel.h"
#include "workloads/kv/attention_trace.h"
#include "workloads/kv/budget/budget.h"
#include "workloads/kv/budget/budget_size.h"
#include "workloads/kv/budget/share_out.h"

namespace terrace {
namespace {

class Prefix final : public KvBudget {
 public:
  struct Params : BudgetSize {
    std::int64_t queries = 256;
    static void fields(Schema<Params>& s) {
      budget_size_fields(s);
      s.field("queries", &Params::queries, "of the calibration text, evenly spaced").at_least(1);
    }
  };
  Prefix(const Params& params, const Context& context) : p_(params) {
    const AttentionTrace& trace = calibration_of(context);
    for (std::int64_t l = 0; l < context.shape.layers; ++l) curves_.push_back(curve(trace, l));
  }
  std::int64_t tokens(std::int64_t layer, std::int64_t, std::int64_t seen) override {
    if (seen != seen_) {
      const std::int64_t mean = p_.of(seen);
      const auto n = static_cast<double>(curves_[0].size());
      const double target = static_cast<double>(mean) / static_cast<double>(seen) * n;
      double low = 0, high = 1;
      std::vector<double> prefix;
      for (int step = 0; step < 50; ++step) {
        const double share = (low + high) / 2;
        prefix.clear();
        double sum = 0;
        for (const std::vector<double>& c : curves_) {
          const auto at = std::lower_bound(c.begin(), c.end(), share);
          prefix.push_back(std::min(n, static_cast<double>(at - c.begin() + 1)));
          sum += prefix.back();
        }
        (sum > target * static_cast<double>(curves_.size()) ? high : low) = share;
      }
      parts_ = share_out(prefix, mean * static_cast<std::int64_t>(curves_.size()), 1, seen);
      seen_ = seen;
    }
    return parts_[static_cast<std::size_t>(layer)];
  }

 private:
  // What the first tokens by importance hold, as shares of the whole.
  std::vector<double> curve(const AttentionTrace& trace, std::int64_t layer) const {
    const KvShape& s = trace.shape();
    const TraceTensors t = trace.layer(layer);
    const std::int64_t n = trace.tokens(), queries = std::min(n, p_.queries);
    std::vector<double> mass(static_cast<std::size_t>(n), 0.0), p;
    for (std::int64_t h = 0; h < s.heads; ++h)
      for (std::int64_t i = 0; i < queries; ++i) {
        const std::int64_t at = n - 1 - i * n / queries;
        const float* q = t.q[static_cast<std::size_t>(h)].row(at);
        const RowsView& k = t.k[static_cast<std::size_t>(s.kv_head(h))];
        p.clear();
        for (std::int64_t j = 0; j <= at; ++j)
          p.push_back(static_cast<double>(s.scale) * dot(q, k.row(j), s.head_dim));
        const double most = *std::max_element(p.begin(), p.end());
        double sum = 0;
        for (double& x : p) sum += x = std::exp(x - most);
        for (std::size_t j = 0; j < p.size(); ++j) mass[j] += p[j] / sum;
      }
    std::sort(mass.begin(), mass.end(), std::greater<>());
    const double all = static_cast<double>(s.heads * queries);
    double sum = 0;
    for (double& x : mass) x = (sum += x) / all;
    return mass;
  }
  Params p_;
  std::vector<std::vector<double>> curves_;
  std::int64_t seen_ = -1;
  std::vector<std::int64_t> parts_;
};
TERRACE_REGISTER(KvBudget, Prefix, "prefix",
                 "the same share of importance in all layers (PrefixKV)");

}  // namespace
}  // namespace terrace
