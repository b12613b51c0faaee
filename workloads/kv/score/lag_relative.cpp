// Tokens whose key and value stand out from the tokens that come after: channels are scaled to the
// least and the most of the next stretch, and a token's spread over its scaled channels counts.
// Source: Liang et al., "LagKV: lag-relative information of the KV cache tells which tokens are
// important", arXiv 2504.04704: spread by the standard deviation, softmax over the stretch, keys
// and values added, every stretch loses the same share. A stretch is judged once, when the next one
// is full; until then its tokens stay. A channel without range in the next stretch counts nothing.
// State: one rank per entry (fp16).
#include <algorithm>
#include <cmath>
#include <numeric>

#include "workloads/kv/score/score.h"

namespace terrace {
namespace {

class LagRelative final : public KvScore {
 public:
  struct Params {
    std::int64_t lag = 128, sinks = 16;
    static void fields(Schema<Params>& s) {
      s.field("lag", &Params::lag, "tokens of a stretch").at_least(1);
      s.field("sinks", &Params::sinks, "first tokens, which belong to no stretch").at_least(0);
    }
  };
  LagRelative(const Params& params, const Context&) : p_(params) {}

  Cost cost() const override {
    Cost c;
    c.bits_per_entry = 16;
    c.reads_keys = c.reads_values = true;
    return c;
  }
  void appended(const HeadChunk&, const HeadCache& cache) override {
    ranks_.grow(cache.size(), later);
    const std::vector<std::int32_t>& at = cache.positions();
    // Stretch s can be judged once all of stretch s + 1 has come.
    while (at.back() + 1 >= p_.sinks + (judged_ + 2) * p_.lag) judge(cache, judged_++);
  }
  void score(const HeadCache& cache, float* out) override {
    for (std::int64_t i = 0; i < cache.size(); ++i)
      out[i] = cache.positions()[static_cast<std::size_t>(i)] < p_.sinks ? later : ranks_[i];
  }
  void kept(const std::vector<std::int32_t>& slots) override { ranks_.keep(slots); }

 private:
  static constexpr float later = 2;  // ranks are below 1

  std::int64_t slot_of(const HeadCache& cache, std::int64_t stretch) const {
    const auto& at = cache.positions();
    return std::lower_bound(at.begin(), at.end(), p_.sinks + stretch * p_.lag) - at.begin();
  }
  void judge(const HeadCache& cache, std::int64_t stretch) {
    const std::int64_t from = slot_of(cache, stretch), to = slot_of(cache, stretch + 1),
                       end = slot_of(cache, stretch + 2), n = to - from;
    if (n == 0 || end == to) return;
    std::vector<double> sum(static_cast<std::size_t>(n), 0.0);
    for (const HeadCache::Side side : {HeadCache::key, HeadCache::value})
      add_softmax_of_spread(cache.rows(side).from(from, n), cache.rows(side).from(to, end - to),
                            sum);
    std::vector<std::int64_t> order(sum.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&sum](std::int64_t a, std::int64_t b) {
      return sum[static_cast<std::size_t>(a)] < sum[static_cast<std::size_t>(b)];
    });
    for (std::int64_t r = 0; r < n; ++r)
      ranks_[from + order[static_cast<std::size_t>(r)]] =
          static_cast<float>(r) / static_cast<float>(n);
  }
  static void add_softmax_of_spread(RowsView rows, RowsView next, std::vector<double>& sum) {
    const std::int64_t dim = rows.cols;
    std::vector<float> low(next.row(0), next.row(0) + dim), high = low;
    for (std::int64_t t = 1; t < next.rows; ++t)
      for (std::int64_t c = 0; c < dim; ++c) {
        const auto i = static_cast<std::size_t>(c);
        low[i] = std::min(low[i], next.at(t, c));
        high[i] = std::max(high[i], next.at(t, c));
      }
    std::vector<double> spread;
    double total = 0;
    for (std::int64_t t = 0; t < rows.rows; ++t) {
      double mean = 0, square = 0;
      for (std::int64_t c = 0; c < dim; ++c) {
        const auto i = static_cast<std::size_t>(c);
        const double x = high[i] > low[i] ? (rows.at(t, c) - low[i]) / (high[i] - low[i]) : 0;
        mean += x;
        square += x * x;
      }
      mean /= static_cast<double>(dim);
      const double variance = (square - static_cast<double>(dim) * mean * mean) /
                              static_cast<double>(std::max<std::int64_t>(1, dim - 1));
      spread.push_back(std::sqrt(std::max(0.0, variance)));
    }
    const double most = *std::max_element(spread.begin(), spread.end());
    for (double& x : spread) total += x = std::exp(x - most);
    for (std::size_t t = 0; t < spread.size(); ++t) sum[t] += spread[t] / total;
  }

  Params p_;
  std::int64_t judged_ = 0;
  EntryColumn ranks_;
};
TERRACE_REGISTER(KvScore, LagRelative, "lag_relative",
                 "keys and values that stand out from the next tokens' stay (LagKV)");

}  // namespace
}  // namespace terrace
