// Keys, freed of their positions, are replaced by the numbers of the nearest of a few vectors, part
// by part; a step looks the products of its query with those vectors up, token by token, and
// fetches the best tokens.
// Source: He et al., "A^2ATS", arXiv 2502.12665: windowed RoPE (beyond the window every key is as
// if `window` positions before the query) and query-aware quantisation (the distance weighs a
// channel by its queries' mean square). State: log2(codes) bits for every part of every key, and
// the vectors at the cache's width, fitted to the prompt by k-means.
#include <algorithm>
#include <cmath>

#include "workloads/kv/place/choosing_place.h"
#include "workloads/kv/rope_table.h"

namespace terrace {
namespace {

class VectorCodes final : public ChoosingPlace {
 public:
  struct Params : ReadSize {
    std::int64_t bits = 8, parts = 8, window = 64, rounds = 8;
    static void fields(Schema<Params>& s) {
      read_size_fields(s);
      s.field("bits", &Params::bits, "of a code: 2^bits vectors").between(1, 12);
      s.field("parts", &Params::parts, "of a key, with a code each").at_least(1);
      s.field("window", &Params::window, "distance that all keys are seen at").at_least(0);
      s.field("rounds", &Params::rounds, "of k-means").at_least(1);
    }
  };
  VectorCodes(const Params& params, const Context& context)
      : ChoosingPlace(params, context), p_(params), rope_(context.shape.rope) {
    if (context.shape.head_dim % p_.parts != 0)
      throw BuildError("parts", "do not divide the head's channels");
    width_ = context.shape.head_dim / p_.parts;
  }

  double bits() const override {
    return static_cast<double>(codes_.size()) * static_cast<double>(p_.bits) +
           static_cast<double>(vectors_.size()) * static_cast<double>(context_.raw_bits);
  }
  void appended(const HeadChunk& chunk, const HeadCache& cache) override {
    const std::int64_t first = cache.size() - chunk.tokens, dim = cache.head_dim();
    bare_.assign(static_cast<std::size_t>(chunk.tokens * dim), 0.0F);
    for (std::int64_t t = 0; t < chunk.tokens; ++t) {
      float* to = &bare_[static_cast<std::size_t>(t * dim)];
      std::copy_n(cache.keys().row(first + t), dim, to);
      if (!rope_.empty()) rope_.turn(to, -cache.positions()[static_cast<std::size_t>(first + t)]);
    }
    fitted_ = 0;
    if (vectors_.empty()) fit(chunk);
    codes_.resize(static_cast<std::size_t>(cache.size() * p_.parts));
    for (std::int64_t t = 0; t < chunk.tokens; ++t)
      for (std::int64_t p = 0; p < p_.parts; ++p)
        codes_[static_cast<std::size_t>((first + t) * p_.parts + p)] = nearest(t, p);
  }
  void kept(const std::vector<std::int32_t>& slots, const HeadCache&) override {
    for (std::size_t i = 0; i < slots.size(); ++i)
      std::copy_n(codes_.begin() + slots[i] * p_.parts, p_.parts,
                  codes_.begin() + static_cast<std::int64_t>(i) * p_.parts);
    codes_.resize(slots.size() * static_cast<std::size_t>(p_.parts));
  }
  void select(const HeadChunk& chunk, const HeadCache& cache, const Selection*,
              Selection& out) override {
    const std::int64_t n = cache.size(), dim = cache.head_dim();
    estimates_.assign(static_cast<std::size_t>(n), -3e38F);
    std::vector<float> q(static_cast<std::size_t>(dim)),
        table(static_cast<std::size_t>(p_.parts * vectors_of()));
    for (std::int64_t r = 0; r < chunk.q.rows; ++r) {
      std::copy_n(chunk.q.row(r), dim, q.data());
      if (!rope_.empty()) rope_.turn(q.data(), p_.window - chunk.first);
      for (std::int64_t p = 0; p < p_.parts; ++p)
        for (std::int64_t v = 0; v < vectors_of(); ++v) {
          float sum = 0;
          for (std::int64_t c = 0; c < width_; ++c)
            sum += q[static_cast<std::size_t>(p * width_ + c)] * vector(p, v)[c];
          table[static_cast<std::size_t>(p * vectors_of() + v)] = sum;
        }
      for (std::int64_t i = 0; i < n; ++i) {
        float sum = 0;
        for (std::int64_t p = 0; p < p_.parts; ++p)
          sum += table[static_cast<std::size_t>(
              p * vectors_of() + codes_[static_cast<std::size_t>(i * p_.parts + p)])];
        float& best = estimates_[static_cast<std::size_t>(i)];
        best = std::max(best, sum);
      }
    }
    choose(estimates_.data(), n, out);
  }
  void plan(const HeadChunk& chunk, const HeadCache& cache, const Selection& chosen,
            AccessPlan& out) const override {
    ChoosingPlace::plan(chunk, cache, chosen, out);
    const auto dim = static_cast<double>(cache.head_dim());
    const auto vectors = static_cast<double>(vectors_of());
    if (fitted_ > 0)
      out.push_back(item(KvWork::select, KvTier::hot,
                         2 * static_cast<double>(fitted_ * p_.rounds) * dim,
                         static_cast<double>(p_.rounds),
                         3.0 * static_cast<double>(fitted_ * p_.rounds) * vectors * dim));
    if (chunk.phase == Phase::prefill) return;
    const auto rows = static_cast<double>(chunk.q.rows);
    out.push_back(item(KvWork::select, KvTier::hot, bits() / 8, 2,
                       rows * (2 * vectors * dim + static_cast<double>(codes_.size()))));
  }

 private:
  std::int64_t vectors_of() const { return std::int64_t{1} << p_.bits; }
  const float* vector(std::int64_t part, std::int64_t v) const {
    return &vectors_[static_cast<std::size_t>((part * vectors_of() + v) * width_)];
  }
  const float* bare(std::int64_t token, std::int64_t part) const {
    return &bare_[static_cast<std::size_t>((token * p_.parts + part) * width_)];
  }
  std::uint16_t nearest(std::int64_t token, std::int64_t part) const {
    const float* x = bare(token, part);
    float least = 3e38F;
    std::int64_t best = 0;
    for (std::int64_t v = 0; v < vectors_of(); ++v) {
      float sum = 0;
      for (std::int64_t c = 0; c < width_; ++c) {
        const float d = x[c] - vector(part, v)[c];
        sum += weight_[static_cast<std::size_t>(part * width_ + c)] * d * d;
      }
      if (sum < least) least = sum, best = v;
    }
    return static_cast<std::uint16_t>(best);
  }
  void fit(const HeadChunk& chunk) {
    const std::int64_t n = chunk.tokens, dim = context_.shape.head_dim, k = vectors_of();
    fitted_ = n;
    weight_.assign(static_cast<std::size_t>(dim), 1e-6F);
    std::vector<float> q(static_cast<std::size_t>(dim));
    for (std::int64_t r = 0; r < chunk.q.rows; ++r) {  // as they will be seen: at the window
      std::copy_n(chunk.q.row(r), dim, q.data());
      if (!rope_.empty()) rope_.turn(q.data(), p_.window - chunk.first - r / chunk.group);
      for (std::size_t c = 0; c < q.size(); ++c)
        weight_[c] += q[c] * q[c] / static_cast<float>(chunk.q.rows);
    }
    vectors_.resize(static_cast<std::size_t>(p_.parts * k * width_));
    for (std::int64_t p = 0; p < p_.parts; ++p) {
      for (std::int64_t v = 0; v < k; ++v)
        std::copy_n(bare(v * n / k, p), width_, const_cast<float*>(vector(p, v)));
      for (std::int64_t round = 0; round < p_.rounds; ++round) {
        std::vector<float> sum(static_cast<std::size_t>(k * width_), 0.0F);
        std::vector<std::int64_t> size(static_cast<std::size_t>(k), 0);
        for (std::int64_t t = 0; t < n; ++t) {
          const std::uint16_t v = nearest(t, p);
          ++size[v];
          for (std::int64_t c = 0; c < width_; ++c)
            sum[static_cast<std::size_t>(v * width_ + c)] += bare(t, p)[c];
        }
        for (std::int64_t v = 0; v < k; ++v)
          for (std::int64_t c = 0; c < width_ && size[static_cast<std::size_t>(v)] > 0; ++c)
            vectors_[static_cast<std::size_t>((p * k + v) * width_ + c)] =
                sum[static_cast<std::size_t>(v * width_ + c)] /
                static_cast<float>(size[static_cast<std::size_t>(v)]);
      }
    }
  }
  Params p_;
  RopeTable rope_;
  std::int64_t width_ = 0, fitted_ = 0;
  std::vector<float> bare_, vectors_, weight_, estimates_;
  std::vector<std::uint16_t> codes_;
};
TERRACE_REGISTER(KvPlace, VectorCodes, "vector_codes",
                 "tokens that looked-up products of vector-quantised keys rank first (A2ATS)");

}  // namespace
}  // namespace terrace
