// Layers whose output suffers more from eviction get more; the errors are measured beforehand.
// Source: Lin et al., "CompressKV: semantic retrieval heads know what tokens are not important
// before generation", arXiv 2508.02401, section 3.3: a table of each layer's relative output error
// under eviction, a floor for all and the rest in proportion; Kim et al., "EpiCache", arXiv
// 2509.17396, section 3.4: a power of it sharpens the parts. Here: on the calibration text, whose
// first half is cut to the budget by the attention of its last queries. State: an error per layer.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "workloads/kv/attention_kernel.h"
#include "workloads/kv/attention_trace.h"
#include "workloads/kv/budget/budget.h"
#include "workloads/kv/budget/budget_size.h"
#include "workloads/kv/budget/share_out.h"

namespace terrace {
namespace {

class EvictionError final : public KvBudget {
 public:
  struct Params : BudgetSize {
    std::int64_t window = 8, queries = 32;
    double floor = 0.5, sharpness = 1;
    static void fields(Schema<Params>& s) {
      budget_size_fields(s);
      s.field("window", &Params::window, "last queries of the first half, that choose").at_least(1);
      s.field("queries", &Params::queries, "of the second half, whose outputs are compared")
          .at_least(1);
      s.field("floor", &Params::floor, "of the mean budget, that every layer gets")
          .between(0.0, 1.0);
      s.field("sharpness", &Params::sharpness, "power of the error").at_least(0.0);
    }
  };
  EvictionError(const Params& params, const Context& context) : p_(params) {
    const AttentionTrace& trace = calibration_of(context);
    if (trace.tokens() < 2) throw BuildError("", "the calibration text is too short");
    for (std::int64_t l = 0; l < context.shape.layers; ++l)
      weights_.push_back(std::pow(error(trace, l), p_.sharpness));
  }
  std::int64_t tokens(std::int64_t layer, std::int64_t, std::int64_t seen) override {
    const std::int64_t mean = p_.of(seen);
    if (seen != seen_) {
      const auto floor = std::max<std::int64_t>(
          1, static_cast<std::int64_t>(p_.floor * static_cast<double>(mean)));
      parts_ = share_out(weights_, mean * static_cast<std::int64_t>(weights_.size()), floor, seen);
      seen_ = seen;
    }
    return parts_[static_cast<std::size_t>(layer)];
  }

 private:
  // exp(logit - most) of a query over the tokens up to its own.
  static std::vector<double> weights_of(const KvShape& s, RowsView q, RowsView k, std::int64_t at) {
    std::vector<double> w;
    for (std::int64_t j = 0; j <= at; ++j)
      w.push_back(static_cast<double>(s.scale) * dot(q.row(at), k.row(j), s.head_dim));
    const double most = *std::max_element(w.begin(), w.end());
    for (double& x : w) x = std::exp(x - most);
    return w;
  }
  double error(const AttentionTrace& trace, std::int64_t layer) const {
    const KvShape& s = trace.shape();
    const TraceTensors t = trace.layer(layer);
    const std::int64_t n = trace.tokens(), half = n / 2, keep = p_.of(half);
    double difference = 0, reference = 0;
    for (std::int64_t kv = 0; kv < s.kv_heads; ++kv) {
      const RowsView &k = t.k[static_cast<std::size_t>(kv)], &v = t.v[static_cast<std::size_t>(kv)];
      std::vector<double> vote(static_cast<std::size_t>(half), 0.0);
      for (std::int64_t h = kv * s.group(); h < (kv + 1) * s.group(); ++h)
        for (std::int64_t at = std::max<std::int64_t>(0, half - p_.window); at < half; ++at) {
          const auto w = weights_of(s, t.q[static_cast<std::size_t>(h)], k, at);
          const double sum = std::accumulate(w.begin(), w.end(), 0.0);
          for (std::size_t j = 0; j < w.size(); ++j) vote[j] += w[j] / sum;
        }
      std::vector<std::int64_t> order(vote.size());
      std::iota(order.begin(), order.end(), std::int64_t{0});
      std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
        return vote[static_cast<std::size_t>(a)] > vote[static_cast<std::size_t>(b)];
      });
      std::vector<std::uint8_t> stays(static_cast<std::size_t>(n), 1);
      for (std::int64_t i = keep; i < half; ++i)
        stays[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])] = 0;
      const std::int64_t queries = std::min(p_.queries, n - half);
      for (std::int64_t h = kv * s.group(); h < (kv + 1) * s.group(); ++h)
        for (std::int64_t i = 0; i < queries; ++i) {
          const std::int64_t at = n - 1 - i * (n - half) / queries;
          const auto w = weights_of(s, t.q[static_cast<std::size_t>(h)], k, at);
          double all = 0, kept = 0;
          for (std::size_t j = 0; j < w.size(); ++j) all += w[j], kept += stays[j] * w[j];
          for (std::int64_t c = 0; c < s.head_dim; ++c) {
            double full = 0, cut = 0;
            for (std::size_t j = 0; j < w.size(); ++j) {
              const double x = w[j] * v.at(static_cast<std::int64_t>(j), c);
              full += x / all;
              cut += stays[j] * x / kept;
            }
            difference += (full - cut) * (full - cut);
            reference += full * full;
          }
        }
    }
    return reference > 0 ? std::sqrt(difference / reference) : 0;
  }
  Params p_;
  std::vector<double> weights_;
  std::int64_t seen_ = -1;
  std::vector<std::int64_t> parts_;
};
TERRACE_REGISTER(KvBudget, EvictionError, "eviction_error",
                 "by each layer's error under eviction, measured beforehand (CompressKV)");

}  // namespace
}  // namespace terrace
