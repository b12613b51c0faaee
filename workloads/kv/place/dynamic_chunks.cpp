// The text falls into chunks where neighbouring keys stop being alike; a chunk is known by its mean
// key times the root of its length, a block of queries by theirs, and each block attends to the
// chunks that look most like it. In prefill too.
// Source: Xiong et al., "Long-context modeling with dynamic hierarchical sparse attention",
// arXiv 2510.24606. Its boundaries come from a trained predictor; here a boundary is where the
// mean keys of the windows before and after are less alike than `alike`. State: one key a chunk.
#include <algorithm>
#include <cmath>

#include "workloads/kv/attention_kernel.h"
#include "workloads/kv/place/choosing_place.h"

namespace terrace {
namespace {

class DynamicChunks final : public ChoosingPlace {
 public:
  struct Params : ReadSize {
    std::int64_t window = 4, longest = 64;
    double alike = 0.5;
    static void fields(Schema<Params>& s) {
      read_size_fields(s);
      s.field("window", &Params::window, "tokens on either side of a boundary").at_least(1);
      s.field("longest", &Params::longest, "tokens of a chunk, at most").at_least(1);
      s.field("alike", &Params::alike, "cosine below which a chunk ends").between(-1.0, 1.0);
    }
  };
  DynamicChunks(const Params& params, const Context& context)
      : ChoosingPlace(params, context), p_(params) {}

  bool selects_in_prefill() const override { return true; }
  double bits() const override {
    return static_cast<double>(starts_.size()) *
           static_cast<double>(context_.shape.head_dim * context_.raw_bits);
  }
  void appended(const HeadChunk&, const HeadCache& cache) override { cut(cache); }
  void kept(const std::vector<std::int32_t>&, const HeadCache& cache) override {
    starts_.clear();
    cut(cache);
  }
  void select(const HeadChunk& part, const HeadCache& cache, const Selection*,
              Selection& out) override {
    const auto& at = cache.positions();
    const std::int64_t own = std::lower_bound(at.begin(), at.end(), part.first) - at.begin();
    const std::int64_t seen = std::min(cache.size(), own + part.tokens);
    out.slots.clear();
    out.all = size_.of(seen) >= seen;
    if (out.all) return;
    const std::int64_t dim = cache.head_dim(), wide = whole_lanes(dim), g = part.group;
    query_.assign(static_cast<std::size_t>(g * wide), 0.0F);
    for (std::int64_t r = 0; r < part.q.rows; ++r)
      for (std::int64_t c = 0; c < dim; ++c)
        query_[static_cast<std::size_t>(r % g * wide + c)] += part.q.at(r, c);
    best_of_group({query_.data(), g, dim, wide},
                  {means_.data(), static_cast<std::int64_t>(starts_.size()), dim, wide}, scores_);
    estimates_.resize(static_cast<std::size_t>(seen));
    for (std::size_t i = 0; i < starts_.size(); ++i) {
      const std::int64_t end = i + 1 < starts_.size() ? starts_[i + 1] : cache.size();
      for (std::int64_t j = starts_[i]; j < std::min(end, seen); ++j)
        estimates_[static_cast<std::size_t>(j)] = scores_[i];
    }
    choose(estimates_.data(), seen, out);
  }
  void plan(const HeadChunk& chunk, const HeadCache& cache, const Selection& chosen,
            AccessPlan& out) const override {
    const std::size_t first = out.size();
    ChoosingPlace::plan(chunk, cache, chosen, out);
    const std::int64_t before = cache.size() - chunk.tokens;
    const double blocks = std::ceil(static_cast<double>(chunk.tokens) / block);
    if (chunk.phase == Phase::prefill)  // of every pair under the mask, the share that is read
      for (std::size_t i = first; i < out.size(); ++i)
        if (out[i].work == KvWork::attend) {
          const double most = static_cast<double>(size_.of(cache.size()));
          const double all = static_cast<double>(before) + 0.5 * static_cast<double>(chunk.tokens);
          out[i].flops *= std::min(1.0, most / std::max(1.0, all));
        }
    const double numbers =
        static_cast<double>(starts_.size()) * static_cast<double>(cache.head_dim());
    out.push_back(item(KvWork::select, KvTier::hot,
                       blocks * numbers * static_cast<double>(context_.raw_bits) / 8, blocks,
                       2 * blocks * static_cast<double>(chunk.group) * numbers));
  }

 private:
  static constexpr double block = 16;  // queries that attend to the same chunks
  void cut(const HeadCache& cache) {
    const std::int64_t n = cache.size(), dim = cache.head_dim(), wide = whole_lanes(dim);
    std::int64_t i = starts_.empty() ? 0 : starts_.back() + 1;
    if (starts_.empty()) starts_.push_back(0), ++i;
    for (; i < n; ++i)
      if (i - starts_.back() >= p_.longest || (i + p_.window <= n && ends(cache, i)))
        starts_.push_back(i);
    means_.assign(starts_.size() * static_cast<std::size_t>(wide), 0.0F);
    for (std::size_t s = 0; s < starts_.size(); ++s) {
      const std::int64_t end = s + 1 < starts_.size() ? starts_[s + 1] : n;
      // The mean times the root of the length.
      const float by = 1 / std::sqrt(static_cast<float>(end - starts_[s]));
      for (std::int64_t j = starts_[s]; j < end; ++j)
        for (std::int64_t c = 0; c < dim; ++c)
          means_[s * static_cast<std::size_t>(wide) + static_cast<std::size_t>(c)] +=
              cache.keys().at(j, c) * by;
    }
  }
  bool ends(const HeadCache& cache, std::int64_t at) const {
    if (at - starts_.back() < p_.window) return false;
    double ab = 0, aa = 0, bb = 0;
    for (std::int64_t c = 0; c < cache.head_dim(); ++c) {
      double a = 0, b = 0;
      for (std::int64_t w = 0; w < p_.window; ++w) {
        a += cache.keys().at(at - 1 - w, c);
        b += cache.keys().at(at + w, c);
      }
      ab += a * b, aa += a * a, bb += b * b;
    }
    return ab < p_.alike * std::sqrt(aa * bb);
  }
  Params p_;
  std::vector<std::int64_t> starts_;
  std::vector<float> means_, query_, scores_, estimates_;
};
TERRACE_REGISTER(KvPlace, DynamicChunks, "dynamic_chunks",
                 "chunks of like tokens, chosen for blocks of queries, in prefill too (DHSA)");

}  // namespace
}  // namespace terrace
