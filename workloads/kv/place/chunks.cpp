// Chunks of equal length, each known by its mean key; a step reads those most like its query.
// Source: ShadowKV (Sun et al., arXiv 2410.21465): chunks of 8, of which the least uniform (48 of
// 16,384 at 128 k tokens) stay above; only values are fetched, keys are rebuilt from `rank` numbers
// a token. LongMem (Wang et al., arXiv 2306.07174, section 2.3): chunks of 4 in a memory bank. ReKV
// (Di et al., arXiv 2503.00540): a chunk is a frame, a prompt attends within a window, what the
// question's first step finds stays. State: a key for every chunk at the cache's width.
#include <algorithm>
#include <cmath>

#include "workloads/kv/attention_kernel.h"
#include "workloads/kv/place/choosing_place.h"

namespace terrace {
namespace {

class Chunks final : public ChoosingPlace {
 public:
  struct Params : ReadSize {
    std::int64_t chunk = 8, rank = 0, window = 0;
    double outliers = 0;
    bool once = false;
    static void fields(Schema<Params>& s) {
      read_size_fields(s);
      s.field("chunk", &Params::chunk, "tokens of a chunk").at_least(1);
      s.field("outliers", &Params::outliers,
              "least uniform chunks, as a share of all but at least one, which every step reads; "
              "kept above; 0: none")
          .between(0.0, 1.0);
      s.field("rank", &Params::rank,
              "numbers a token, for all heads of a layer, that keys are rebuilt from above; 0: "
              "keys lie and travel with values")
          .at_least(0);
      s.field("window", &Params::window, "tokens before it that a prompt's token sees; 0: all")
          .at_least(0);
      s.field("once", &Params::once, "chosen at the first step after a prompt, and then kept");
    }
  };
  Chunks(const Params& params, const Context& context)
      : ChoosingPlace(params, context), p_(params) {}

  bool selects_in_prefill() const override { return p_.window > 0; }
  double bits() const override {
    return static_cast<double>(count_ * context_.shape.head_dim * context_.raw_bits);
  }
  // Both sides count the same here: where keys stay, half of the entries do.
  std::int64_t hot_entries(const HeadCache& cache) const override {
    const std::int64_t n = cache.size();
    if (size_.tier == KvTier::hot) return n;
    const std::int64_t whole = std::min(n, size_.sinks + size_.recent + outliers() * p_.chunk);
    if (p_.rank == 0) return whole;
    const double keys = cache.bits(HeadCache::key), all = keys + cache.bits(HeadCache::value);
    return whole + std::llround(static_cast<double>(n - whole) * keys / all);
  }
  void appended(const HeadChunk& chunk, const HeadCache& cache) override {
    if (chunk.phase == Phase::prefill) chosen_.clear(), held_.clear();
    label(cache, cache.size() - chunk.tokens);
  }
  void kept(const std::vector<std::int32_t>&, const HeadCache& cache) override {
    chosen_.clear();
    held_.clear();
    label(cache, 0);
  }
  void select(const HeadChunk& part, const HeadCache& cache, const Selection*,
              Selection& out) override {
    const std::int64_t n = cache.size(), dim = cache.head_dim();
    out.slots.clear();
    out.all = size_.of(n) >= n;
    if (out.all) return;
    if (part.phase == Phase::prefill) {
      const auto& at = cache.positions();
      const auto own = std::lower_bound(at.begin(), at.end(), part.first) - at.begin();
      out.all = own <= p_.window + size_.sinks;
      for (std::int64_t i = 0; i < size_.sinks; ++i)
        out.slots.push_back(static_cast<std::int32_t>(i));
      for (std::int64_t i = std::max<std::int64_t>(0, own - p_.window); i < own; ++i)
        out.slots.push_back(static_cast<std::int32_t>(i));
      return;
    }
    held_ = chosen_;
    if (p_.once && !chosen_.empty()) {
      for (std::int64_t i = chosen_.back() + 1; i < n; ++i)
        chosen_.push_back(static_cast<std::int32_t>(i));
      out.slots = chosen_;
      return;
    }
    best_of_group(part.q, {means_.data(), count_, dim, whole_lanes(dim)}, scores_);
    for (const std::int64_t c : outliers_) scores_[static_cast<std::size_t>(c)] = always;
    estimates_.resize(static_cast<std::size_t>(n));
    for (std::int64_t i = 0; i < n; ++i)
      estimates_[static_cast<std::size_t>(i)] = scores_[static_cast<std::size_t>(i / p_.chunk)];
    choose(estimates_.data(), n, out);
    if (p_.once) chosen_ = out.slots;
  }
  void plan(const HeadChunk& chunk, const HeadCache& cache, const Selection& chosen,
            AccessPlan& out) const override {
    const std::size_t first = out.size();
    ChoosingPlace::plan(chunk, cache, chosen, out);
    if (chunk.phase == Phase::prefill) return;
    const auto dim = static_cast<double>(cache.head_dim());
    for (std::size_t i = first; i < out.size() && p_.rank > 0; ++i) {
      const bool fetch = out[i].work == KvWork::fetch;
      if (!fetch && out[i].work != KvWork::gather) continue;
      if (fetch) {  // low-rank rows of the same tokens, times the head's columns
        const double tokens =
            out[i].bytes * 8 / static_cast<double>(2 * cache.head_dim() * context_.raw_bits);
        const auto rank = static_cast<double>(p_.rank);
        out.push_back(item(KvWork::recompute, KvTier::hot, 2 * rank * (tokens + dim),
                           out[i].runs / 2 + 1, 2 * tokens * rank * dim));
        out[i].runs /= 2;
      }
      out[i].bytes /= 2;
    }
    if (!held_.empty()) return;  // nothing was chosen
    const double numbers = static_cast<double>(count_) * dim;
    out.push_back(item(KvWork::select, KvTier::hot, bits() / 8, 1,
                       2 * static_cast<double>(chunk.q.rows) * numbers));
  }

 protected:
  void fetched(const HeadCache& cache, const Selection& chosen, Selection& out) const override {
    Selection all;
    ChoosingPlace::fetched(cache, chosen, all);
    out.all = false;
    for (const std::int32_t slot : all.slots)
      if (!std::binary_search(outliers_.begin(), outliers_.end(), slot / p_.chunk) &&
          !std::binary_search(held_.begin(), held_.end(), slot))
        out.slots.push_back(slot);
  }

 private:
  std::int64_t outliers() const { return static_cast<std::int64_t>(outliers_.size()); }
  void label(const HeadCache& cache, std::int64_t from) {
    const std::int64_t n = cache.size(), dim = cache.head_dim(), wide = whole_lanes(dim);
    count_ = (n + p_.chunk - 1) / p_.chunk;
    means_.resize(static_cast<std::size_t>(count_ * wide), 0.0F);
    evenness_.resize(static_cast<std::size_t>(count_), 0.0F);
    for (std::int64_t c = from / p_.chunk; c < count_; ++c) {
      float* mean = &means_[static_cast<std::size_t>(c * wide)];
      const std::int64_t end = std::min(n, (c + 1) * p_.chunk), size = end - c * p_.chunk;
      std::fill(mean, mean + wide, 0.0F);
      for (std::int64_t t = c * p_.chunk; t < end; ++t)
        for (std::int64_t i = 0; i < dim; ++i)
          mean[i] += cache.keys().at(t, i) / static_cast<float>(size);
      double least = 1;  // cosine of a key and the mean
      for (std::int64_t t = c * p_.chunk; t < end && p_.outliers > 0; ++t) {
        const float* k = cache.keys().row(t);
        const double norms = std::sqrt(dot(k, k, wide) * dot(mean, mean, wide));
        least = std::min(least, dot(k, mean, wide) / std::max(1e-30, norms));
      }
      evenness_[static_cast<std::size_t>(c)] = static_cast<float>(least);
    }
    outliers_.clear();
    if (p_.outliers == 0) return;
    for (std::int64_t c = 0; c < count_; ++c) outliers_.push_back(c);
    std::stable_sort(outliers_.begin(), outliers_.end(), [this](std::int64_t a, std::int64_t b) {
      return evenness_[static_cast<std::size_t>(a)] < evenness_[static_cast<std::size_t>(b)];
    });
    outliers_.resize(static_cast<std::size_t>(std::max<std::int64_t>(
        1, static_cast<std::int64_t>(p_.outliers * static_cast<double>(count_) + 1e-9))));
    std::sort(outliers_.begin(), outliers_.end());
  }
  Params p_;
  std::int64_t count_ = 0;
  std::vector<float> means_, evenness_, scores_, estimates_;
  std::vector<std::int64_t> outliers_;
  std::vector<std::int32_t> chosen_, held_;  // of a question; what the step before had of them
};
TERRACE_REGISTER(KvPlace, Chunks, "chunks",
                 "chunks whose mean keys are most like the query (ShadowKV, LongMem, ReKV)");

}  // namespace
}  // namespace terrace
