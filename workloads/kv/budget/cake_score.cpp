// A token counts as the last queries of the prompt attend to it on average, and by how much that
// changes from query to query.
// Source: Qin et al., "CAKE", arXiv 2503.12491, section 4.3: mean + gamma x variance, neighbours
// averaged. State: the indicator of the last chunk; entries that came later rank above all.
#include <algorithm>

#include "workloads/kv/score/score.h"

namespace terrace {
namespace {

class MeanAndShift final : public KvScore {
 public:
  struct Params {
    std::int64_t window = 32, kernel = 5;
    double gamma = 200;
    static void fields(Schema<Params>& s) {
      s.field("window", &Params::window, "last queries of the prompt that vote").at_least(2);
      s.field("kernel", &Params::kernel, "neighbours that are averaged; odd").at_least(1);
      s.field("gamma", &Params::gamma, "weight of the variance").at_least(0.0);
    }
    void check(Checker& c) const {
      if (kernel % 2 == 0) c.fail("kernel", "must be odd: as many neighbours on either side");
    }
  };
  MeanAndShift(const Params& params, const Context&) : p_(params) {}

  Cost cost() const override {
    Cost c;
    c.flops_per_entry = static_cast<double>(p_.kernel) + 3;
    return c;
  }
  void queries(const HeadChunk& chunk, std::vector<std::int32_t>& wanted) const override {
    if (chunk.phase == Phase::decode) return;
    for (std::int64_t t = std::max<std::int64_t>(0, chunk.tokens - p_.window); t < chunk.tokens;
         ++t)
      wanted.push_back(static_cast<std::int32_t>(t));
  }
  void appended(const HeadChunk& chunk, const HeadCache& cache) override {
    sums_.grow(cache.size(), later);
    squares_.grow(cache.size());
    if (chunk.phase == Phase::decode) return;
    rows_ = 0;  // a new chunk votes anew
    for (std::int64_t i = 0; i < cache.size(); ++i) sums_[i] = squares_[i] = 0;
  }
  void attended(const Attended& a, const HeadCache& cache) override {
    if (a.phase == Phase::decode) return;
    rows_ += static_cast<double>(a.probabilities.rows);
    for (std::int64_t r = 0; r < a.probabilities.rows; ++r)
      for (std::int64_t i = 0; i < cache.size(); ++i) {
        const float p = a.probabilities.row(r)[i];
        sums_[i] += p;
        squares_[i] += p * p;
      }
  }
  void score(const HeadCache& cache, float* out) override {
    const std::int64_t n = cache.size(), reach = p_.kernel / 2;
    std::vector<double> indicator;
    for (std::int64_t i = 0; i < n; ++i) {
      const double mean = rows_ > 0 ? static_cast<double>(sums_[i]) / rows_ : 0;
      const double variance =
          rows_ > 1 ? (static_cast<double>(squares_[i]) - rows_ * mean * mean) / (rows_ - 1) : 0;
      // Later entries do not vote for their neighbours.
      indicator.push_back(sums_[i] >= later ? 0 : mean + p_.gamma * variance);
    }
    for (std::int64_t i = 0; i < n; ++i) {
      double sum = 0;
      for (std::int64_t j = std::max<std::int64_t>(0, i - reach); j < std::min(n, i + reach + 1);
           ++j)
        sum += indicator[static_cast<std::size_t>(j)];
      out[i] = sums_[i] >= later ? later : static_cast<float>(sum / static_cast<double>(p_.kernel));
    }
  }
  void kept(const std::vector<std::int32_t>& slots) override {
    sums_.keep(slots);
    squares_.keep(slots);
  }

 private:
  static constexpr float later = 1e30F;
  Params p_;
  EntryColumn sums_, squares_;
  double rows_ = 0;
};
TERRACE_REGISTER(KvScore, MeanAndShift, "mean_and_shift",
                 "mean and variance of the last queries' attention (CAKE)");

}  // namespace
}  // namespace terrace
