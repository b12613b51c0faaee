// Runs of neighbouring tokens are clusters, and clusters of clusters; each is known by one vector
// between the smallest and the largest of its keys, so that a step's likeness is linear (in
// multi-party computation a comparison costs rounds). Coarse clusters that look unlike the query
// are dropped, then fine ones. Every second layer reads what the layer below chose.
// Source: Zeng et al., "MPCache", arXiv 2501.06807, sections 4.2 to 4.4. State: one key for every
// cluster, at the cache's width.
#include <algorithm>
#include <numeric>

#include "workloads/kv/place/choosing_place.h"

namespace terrace {
namespace {

class Hierarchy final : public ChoosingPlace {
 public:
  struct Params : ReadSize {
    std::int64_t coarse = 32, fine = 16, layers = 2;
    double coarse_share = 0.5, mix = 0.6;
    static void fields(Schema<Params>& s) {
      read_size_fields(s);
      s.field("coarse", &Params::coarse, "tokens of a coarse cluster").at_least(1);
      s.field("fine", &Params::fine, "tokens of a fine cluster").at_least(1);
      s.field("coarse_share", &Params::coarse_share, "of the coarse clusters that stay in")
          .above(0.0)
          .at_most(1.0);
      s.field("mix", &Params::mix, "weight of a cluster's largest against its smallest key")
          .between(0.0, 1.0);
      s.field("layers", &Params::layers, "so many read what the first of them chose").at_least(1);
    }
    void check(Checker& c) const {
      ReadSize::check(c);
      if (coarse % fine != 0) c.fail("fine", "does not divide a coarse cluster");
    }
  };
  Hierarchy(const Params& params, const Context& context)
      : ChoosingPlace(params, context), p_(params) {}

  bool looks_above() const override { return p_.layers > 1; }
  double bits() const override {
    return follows() ? 0
                     : static_cast<double>(known_[0].count + known_[1].count) *
                           static_cast<double>(context_.shape.head_dim * context_.raw_bits);
  }
  void appended(const HeadChunk& chunk, const HeadCache& cache) override {
    label(cache, cache.size() - chunk.tokens);
  }
  void kept(const std::vector<std::int32_t>&, const HeadCache& cache) override { label(cache, 0); }
  void select(const HeadChunk& chunk, const HeadCache& cache, const Selection* above,
              Selection& out) override {
    const std::int64_t n = cache.size();
    out.slots.clear();
    out.all = size_.of(n) >= n;
    if (out.all) return;
    if (follows() && above != nullptr) {
      out.all = above->all;
      for (const std::int32_t slot : above->slots)
        if (slot < n) out.slots.push_back(slot);
      return;
    }
    best_of_group(chunk.q, view(0), coarse_);
    best_of_group(chunk.q, view(1), fine_);
    order_.resize(coarse_.size());
    std::iota(order_.begin(), order_.end(), 0);
    const auto in = std::max<std::int64_t>(
        1, static_cast<std::int64_t>(p_.coarse_share * static_cast<double>(coarse_.size()) + 1e-9));
    std::stable_sort(order_.begin(), order_.end(), [this](std::int32_t a, std::int32_t b) {
      return coarse_[static_cast<std::size_t>(a)] > coarse_[static_cast<std::size_t>(b)];
    });
    for (std::size_t i = static_cast<std::size_t>(in); i < order_.size(); ++i)
      coarse_[static_cast<std::size_t>(order_[i])] = dropped;
    estimates_.resize(static_cast<std::size_t>(n));
    for (std::int64_t i = 0; i < n; ++i)
      estimates_[static_cast<std::size_t>(i)] =
          coarse_[static_cast<std::size_t>(i / p_.coarse)] == dropped
              ? dropped
              : fine_[static_cast<std::size_t>(i / p_.fine)];
    choose(estimates_.data(), n, out);
  }
  void plan(const HeadChunk& chunk, const HeadCache& cache, const Selection& chosen,
            AccessPlan& out) const override {
    ChoosingPlace::plan(chunk, cache, chosen, out);
    if (chunk.phase == Phase::prefill || follows()) return;
    const double clusters = static_cast<double>(known_[0].count) +
                            p_.coarse_share * static_cast<double>(known_[1].count);
    const auto dim = static_cast<double>(cache.head_dim());
    out.push_back(item(KvWork::select, KvTier::hot,
                       clusters * dim * static_cast<double>(context_.raw_bits) / 8, 2,
                       2 * static_cast<double>(chunk.q.rows) * clusters * dim));
  }

 private:
  static constexpr float dropped = -3e38F;
  struct Level {
    std::int64_t count = 0;
    std::vector<float> low, high, rows;
  };
  bool follows() const { return context_.layer % p_.layers != 0; }
  RowsView view(int level) const {
    const Level& l = known_[level];
    const std::int64_t dim = context_.shape.head_dim;
    return {l.rows.data(), l.count, dim, whole_lanes(dim)};
  }
  void label(const HeadCache& cache, std::int64_t from) {
    const std::int64_t dim = cache.head_dim(), wide = whole_lanes(dim);
    for (int level = 0; level < 2; ++level) {
      const std::int64_t size = level == 0 ? p_.coarse : p_.fine;
      Level& l = known_[level];
      l.count = (cache.size() + size - 1) / size;
      for (std::vector<float>* each : {&l.low, &l.high, &l.rows})
        each->resize(static_cast<std::size_t>(l.count * wide), 0.0F);
      const auto mix = static_cast<float>(p_.mix);
      for (std::int64_t slot = from; slot < cache.size(); ++slot) {
        const float* k = cache.keys().row(slot);
        const std::int64_t at = slot / size * wide;
        for (std::int64_t c = 0; c < dim; ++c) {
          const auto i = static_cast<std::size_t>(at + c);
          const bool first = slot % size == 0;
          l.low[i] = first ? k[c] : std::min(l.low[i], k[c]);
          l.high[i] = first ? k[c] : std::max(l.high[i], k[c]);
          l.rows[i] = mix * l.high[i] + (1 - mix) * l.low[i];
        }
      }
    }
  }
  Params p_;
  Level known_[2];
  std::vector<float> coarse_, fine_, estimates_;
  std::vector<std::int32_t> order_;
};
TERRACE_REGISTER(KvPlace, Hierarchy, "hierarchy",
                 "clusters of neighbours, coarse then fine, by a linear likeness (MPCache)");

}  // namespace
}  // namespace terrace
