// Hash tables over keys, off their mean, draw the tokens of a step: a token whose code is the
// query's in two or more tables is read, and weighs 1 over the chance that it would be. Tables and
// cache lie below, beside the cores that attend there; only queries, codes and outputs travel.
// Source: Chen et al., "MagicPIG", arXiv 2410.16179, algorithm 1 (K = 10, L = 150; 4 sinks and 64
// recent tokens on the GPU). The query heads of a KV head draw one set together here, each as if
// the others did not. State, below: for every table 4 bytes a token and 4 for each bucket.
#include <algorithm>
#include <cmath>

#include "sim/random.h"
#include "workloads/kv/attention_kernel.h"
#include "workloads/kv/place/choosing_place.h"

namespace terrace {
namespace {

// A key whose code agrees bit by bit with chance p shows up in two or more of `tables`.
double drawn(double p, std::int64_t bits, std::int64_t tables) {
  const double hit = std::pow(p, static_cast<double>(bits)), n = static_cast<double>(tables);
  return 1 - std::pow(1 - hit, n) - n * hit * std::pow(1 - hit, n - 1);
}

class LshSampling final : public ChoosingPlace {
 public:
  struct Params {
    std::int64_t bits = 10, sinks = 4, recent = 64;
    double share = 0.00968;
    KvTier tier = KvTier::lower;
    static void fields(Schema<Params>& s) {
      s.field("bits", &Params::bits, "of a code (K)").between(1, 16);
      s.field("share", &Params::share,
              "of keys at a right angle to the query that are drawn: makes the number of tables; "
              "1: all are read")
          .above(0.0)
          .at_most(1.0);
      s.field("sinks", &Params::sinks, "first tokens, read and kept above").at_least(0);
      s.field("recent", &Params::recent, "last tokens, read and kept above").at_least(0);
      s.field("tier", &Params::tier, "where the others lie");
    }
  };
  LshSampling(const Params& params, const Context& context)
      : ChoosingPlace(ends(params), context), p_(params) {
    if (p_.share >= 1) return;
    for (std::int64_t step = 1 << 16; step > 0; step /= 2)  // the least number that is enough
      if (drawn(0.5, p_.bits, tables_ + step) < p_.share) tables_ += step;
    ++tables_;
    const std::int64_t dim = context.shape.head_dim, wide = whole_lanes(dim);
    planes_.assign(static_cast<std::size_t>(tables_ * p_.bits * wide), 0.0F);
    RandomStream random(context.seed, "place.lsh_sampling");
    for (std::int64_t i = 0; i < tables_ * p_.bits; ++i)
      for (std::int64_t c = 0; c < dim; ++c)
        planes_[static_cast<std::size_t>(i * wide + c)] = static_cast<float>(random.normal());
  }

  void appended(const HeadChunk& chunk, const HeadCache& cache) override {
    if (tables_ == 0) return;
    const std::int64_t dim = cache.head_dim(), first = cache.size() - chunk.tokens;
    if (centre_.empty()) {  // the mean of the first chunk: of the prompt, where it comes at once
      centre_.assign(static_cast<std::size_t>(whole_lanes(dim)), 0.0F);
      for (std::int64_t t = first; t < cache.size(); ++t)
        for (std::int64_t c = 0; c < dim; ++c)
          centre_[static_cast<std::size_t>(c)] +=
              cache.keys().at(t, c) / static_cast<float>(chunk.tokens);
      shift_.resize(static_cast<std::size_t>(whole_lanes(tables_ * p_.bits)));
      dot_rows({centre_.data(), 1, dim, whole_lanes(dim)}, planes(), 1.0F,
               {shift_.data(), 1, tables_ * p_.bits, whole_lanes(tables_ * p_.bits)});
    }
    codes_.resize(static_cast<std::size_t>(cache.size() * tables_));
    hash(cache.keys().from(first, chunk.tokens), shift_.data(),
         &codes_[static_cast<std::size_t>(first * tables_)]);
  }
  void kept(const std::vector<std::int32_t>& slots, const HeadCache&) override {
    for (std::size_t i = 0; i < slots.size(); ++i)
      std::copy_n(codes_.begin() + slots[i] * tables_, tables_,
                  codes_.begin() + static_cast<std::int64_t>(i) * tables_);
    codes_.resize(slots.size() * static_cast<std::size_t>(tables_));
  }
  void select(const HeadChunk& chunk, const HeadCache& cache, const Selection*,
              Selection& out) override {
    const std::int64_t n = cache.size(), dim = cache.head_dim();
    out.slots.clear();
    out.log_weights.clear();
    out.all = tables_ == 0;
    if (out.all) return;
    query_codes_.resize(static_cast<std::size_t>(chunk.q.rows * tables_));
    hash(chunk.q, nullptr, query_codes_.data());
    for (std::int64_t i = 0; i < n; ++i) {
      bool hit = guarded(i, n);
      const bool sure = hit;
      for (std::int64_t r = 0; r < chunk.q.rows && !hit; ++r) {
        const std::uint16_t* a = &codes_[static_cast<std::size_t>(i * tables_)];
        const std::uint16_t* b = &query_codes_[static_cast<std::size_t>(r * tables_)];
        int same = 0;
        for (std::int64_t t = 0; t < tables_; ++t) same += a[t] == b[t] ? 1 : 0;
        hit = same >= 2;
      }
      if (!hit) continue;
      double missed = sure ? 0 : 1;
      for (std::int64_t r = 0; r < chunk.q.rows && !sure; ++r) {
        const float *q = chunk.q.row(r), *k = cache.keys().row(i);
        double qk = 0, qq = 0, kk = 0;
        for (std::int64_t c = 0; c < dim; ++c) {
          const double d = k[c] - centre_[static_cast<std::size_t>(c)];
          qk += q[c] * d, qq += static_cast<double>(q[c]) * q[c], kk += d * d;
        }
        const double cosine = qk / std::sqrt(std::max(1e-30, qq * kk));
        constexpr double pi = 3.14159265358979323846;
        const double p = 1 - std::acos(std::clamp(cosine, -1.0, 1.0)) / pi;
        missed *= 1 - drawn(p, p_.bits, tables_);
      }
      out.slots.push_back(static_cast<std::int32_t>(i));
      out.log_weights.push_back(static_cast<float>(-std::log(std::max(1e-12, 1 - missed))));
    }
  }
  void plan(const HeadChunk& chunk, const HeadCache& cache, const Selection& chosen,
            AccessPlan& out) const override {
    const std::int64_t n = cache.size(), codes = tables_ * p_.bits;
    const double hashing = 2.0 * static_cast<double>(codes * cache.head_dim());
    if (chunk.phase == Phase::prefill || size_.tier == KvTier::hot || chosen.all)
      KvPlace::plan(chunk, cache, chosen, out);
    const auto tokens = static_cast<double>(chunk.tokens), rows = static_cast<double>(chunk.q.rows);
    if (size_.tier == KvTier::lower) write_below(chunk.tokens, cache, out);
    // Codes of 2 bytes are made beside the projections. Every new key goes into every table; every
    // query looks into one bucket of each.
    const bool prefill = chunk.phase == Phase::prefill;
    const double hashed = tokens + (prefill ? 0 : rows), code = 2 * static_cast<double>(tables_);
    out.push_back(item(KvWork::select, KvTier::hot, hashed * code, 1, hashing * hashed));
    out.push_back(item(KvWork::select, size_.tier, 2 * tokens * code,
                       tokens * static_cast<double>(tables_), 0));
    out.back().writes = true;
    if (prefill) return;
    const double buckets = std::pow(2.0, static_cast<double>(p_.bits));
    const double looked = rows * static_cast<double>(tables_);
    out.push_back(item(KvWork::select, size_.tier,
                       4 * looked * (1 + static_cast<double>(n) / buckets), 2 * looked,
                       looked * static_cast<double>(n) / buckets));
    if (size_.tier == KvTier::hot || chosen.all) return;
    Selection below, above;
    above.all = false;
    fetched(cache, chosen, below);
    for (const std::int32_t slot : chosen.slots)
      if (guarded(slot, n)) above.slots.push_back(slot);
    KvPlace::plan(chunk, cache, above, out);
    KvPlace::plan(chunk, cache, below, out);
    out.back().tier = KvTier::lower;
    // Queries and outputs in 16 bits, and codes.
    const double travels = 2 * rows * static_cast<double>(cache.head_dim()) * 2 + hashed * code;
    out.push_back(item(KvWork::fetch, KvTier::lower, travels, 2, 0));
  }

 private:
  static ReadSize ends(const Params& p) {
    ReadSize s;
    s.sinks = p.sinks;
    s.recent = p.recent;
    s.tier = p.tier;
    return s;
  }
  RowsView planes() const {
    const std::int64_t dim = context_.shape.head_dim;
    return {planes_.data(), tables_ * p_.bits, dim, whole_lanes(dim)};
  }
  void hash(RowsView rows, const float* shift, std::uint16_t* codes) {
    const std::int64_t count = tables_ * p_.bits, width = whole_lanes(count);
    products_.resize(static_cast<std::size_t>(width));
    for (std::int64_t r = 0; r < rows.rows; ++r) {
      dot_rows(rows.from(r, 1), planes(), 1.0F, {products_.data(), 1, count, width});
      for (std::int64_t t = 0; t < tables_; ++t) {
        std::uint32_t code = 0;
        for (std::int64_t b = 0; b < p_.bits; ++b) {
          const auto i = static_cast<std::size_t>(t * p_.bits + b);
          const float less = shift == nullptr ? 0 : shift[i];
          code = code << 1 | (products_[i] > less ? 1U : 0U);
        }
        codes[r * tables_ + t] = static_cast<std::uint16_t>(code);
      }
    }
  }
  Params p_;
  std::int64_t tables_ = 0;
  std::vector<float> planes_, centre_, shift_, products_;
  std::vector<std::uint16_t> codes_, query_codes_;
};
TERRACE_REGISTER(KvPlace, LshSampling, "lsh_sampling",
                 "tokens drawn by hash tables, weighed by their chance (MagicPIG)");

}  // namespace
}  // namespace terrace
