// Keys that point the same way are clusters, wherever they are in the text; a step takes the
// clusters in order of its query's product with their centroids until it has enough tokens. What
// the last step read is still above.
// Source: Liu et al., "ClusterKV", arXiv 2412.03213 (cosine k-means of the prompt, one cluster for
// 80 tokens; 4 more for every 320 generated; 16 sinks). LouisKV (Wu et al., arXiv 2510.11292): a
// new choice only where the query has turned away from the last one; generated tokens form segments
// between those turns. State: one centroid for every cluster, at the cache's width, and 4 bytes for
// every entry's place.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "workloads/kv/attention_kernel.h"
#include "workloads/kv/place/choosing_place.h"

namespace terrace {
namespace {

class Clusters final : public ChoosingPlace {
 public:
  struct Params : ReadSize {
    std::int64_t cluster = 80, batch = 320, rounds = 10;
    double turn = 1;
    bool segments = false;
    static void fields(Schema<Params>& s) {
      read_size_fields(s);
      s.field("cluster", &Params::cluster, "tokens of a cluster, on average").at_least(1);
      s.field("batch", &Params::batch, "generated tokens that are clustered together").at_least(1);
      s.field("rounds", &Params::rounds, "of k-means").at_least(1);
      s.field(
           "turn", &Params::turn,
           "cosine of query and that of the last choice below which a new one is made; 1: always")
          .between(-1.0, 1.0);
      s.field("segments", &Params::segments, "generated tokens form a cluster between two choices");
    }
  };
  Clusters(const Params& params, const Context& context)
      : ChoosingPlace(params, context), p_(params) {}

  double bits() const override {
    return static_cast<double>(count_ * context_.shape.head_dim * context_.raw_bits) +
           32.0 * static_cast<double>(of_.size());
  }
  void appended(const HeadChunk& chunk, const HeadCache& cache) override {
    const auto n = static_cast<std::size_t>(cache.size());
    of_.resize(n, none_yet);
    grouped_ = 0;
    if (chunk.phase == Phase::prefill) {
      last_.clear();
      group(cache, std::max<std::int64_t>(1, chunk.tokens / p_.cluster));
    } else if (!p_.segments && std::count(of_.begin(), of_.end(), none_yet) >= p_.batch) {
      group(cache, std::max<std::int64_t>(1, p_.batch / p_.cluster));
    }
  }
  void kept(const std::vector<std::int32_t>& slots, const HeadCache&) override {
    for (std::size_t i = 0; i < slots.size(); ++i) of_[i] = of_[static_cast<std::size_t>(slots[i])];
    of_.resize(slots.size());
    held_.clear();
    recent_.clear();
    last_.clear();
  }
  void select(const HeadChunk& chunk, const HeadCache& cache, const Selection*,
              Selection& out) override {
    const std::int64_t n = cache.size(), dim = cache.head_dim(), wide = whole_lanes(dim);
    held_ = recent_;
    out.slots.clear();
    out.all = size_.of(n) >= n || count_ == 0;
    chose_ = false;
    if (out.all) return;
    if (!turned(chunk.q)) {
      for (std::int64_t i = recent_.empty() ? 0 : recent_.back() + 1; i < n; ++i)
        recent_.push_back(static_cast<std::int32_t>(i));
      out.slots = recent_;
      return;
    }
    chose_ = true;
    if (p_.segments) segment(cache);
    best_of_group(chunk.q, {centroids_.data(), count_, dim, wide}, scores_);
    estimates_.resize(static_cast<std::size_t>(n));
    for (std::size_t i = 0; i < of_.size(); ++i)
      estimates_[i] = of_[i] == none_yet ? newest : scores_[static_cast<std::size_t>(of_[i])];
    choose(estimates_.data(), n, out);
    recent_ = out.slots;
  }
  void plan(const HeadChunk& chunk, const HeadCache& cache, const Selection& chosen,
            AccessPlan& out) const override {
    ChoosingPlace::plan(chunk, cache, chosen, out);
    const auto dim = static_cast<double>(cache.head_dim());
    if (grouped_ > 0) {  // every key against every centroid, round after round
      const double work = 2.0 * static_cast<double>(grouped_ * new_clusters_ * p_.rounds) * dim;
      const double bytes = static_cast<double>(grouped_ * p_.rounds * context_.raw_bits) * dim / 8;
      out.push_back(item(KvWork::select, KvTier::hot, bytes,
                         context_.layout.runs(grouped_) * static_cast<double>(p_.rounds), work));
    }
    if (chunk.phase == Phase::prefill || !chose_) return;
    const double numbers = static_cast<double>(count_) * dim;
    out.push_back(item(KvWork::select, KvTier::hot, bits() / 8, 2,
                       2 * static_cast<double>(chunk.q.rows) * numbers));
  }

 protected:
  void fetched(const HeadCache& cache, const Selection& chosen, Selection& out) const override {
    Selection all;
    ChoosingPlace::fetched(cache, chosen, all);
    out.all = false;
    for (const std::int32_t slot : all.slots)
      if (!std::binary_search(held_.begin(), held_.end(), slot)) out.slots.push_back(slot);
  }

 private:
  static constexpr std::int32_t none_yet = -1;
  static constexpr float newest = 1e37F;  // what is in no cluster yet comes before clusters
  bool turned(RowsView q) {
    std::vector<float> mean(static_cast<std::size_t>(q.stride), 0.0F);
    for (std::int64_t r = 0; r < q.rows; ++r)
      for (std::int64_t c = 0; c < q.cols; ++c) mean[static_cast<std::size_t>(c)] += q.at(r, c);
    if (!last_.empty() && p_.turn < 1) {
      const double norms = std::sqrt(dot(mean.data(), mean.data(), q.stride) *
                                     dot(last_.data(), last_.data(), q.stride));
      if (dot(mean.data(), last_.data(), q.stride) >= p_.turn * norms) return false;
    }
    last_ = mean;
    return true;
  }
  // What was generated since the last choice, but for the newest.
  void segment(const HeadCache& cache) {
    std::vector<std::int32_t> slots;
    for (std::size_t i = 0; i + 1 < of_.size(); ++i)
      if (of_[i] == none_yet) slots.push_back(static_cast<std::int32_t>(i));
    if (slots.empty()) return;
    const std::int64_t wide = whole_lanes(cache.head_dim());
    centroids_.resize(static_cast<std::size_t>((count_ + 1) * wide), 0.0F);
    for (const std::int32_t s : slots) {
      of_[static_cast<std::size_t>(s)] = static_cast<std::int32_t>(count_);
      for (std::int64_t c = 0; c < wide; ++c)
        centroids_[static_cast<std::size_t>(count_ * wide + c)] +=
            cache.keys().row(s)[c] / static_cast<float>(slots.size());
    }
    ++count_;
  }
  // k-means by cosine of all that is in no cluster yet; means start at evenly spaced keys.
  void group(const HeadCache& cache, std::int64_t k) {
    std::vector<std::int32_t> slots;
    for (std::size_t i = 0; i < of_.size(); ++i)
      if (of_[i] == none_yet) slots.push_back(static_cast<std::int32_t>(i));
    const auto n = static_cast<std::int64_t>(slots.size());
    k = std::min(k, n);
    grouped_ = n;
    new_clusters_ = k;
    if (n == 0) return;
    const std::int64_t dim = cache.head_dim(), wide = whole_lanes(dim), width = whole_lanes(k);
    centroids_.resize(static_cast<std::size_t>((count_ + k) * wide));
    float* means = &centroids_[static_cast<std::size_t>(count_ * wide)];
    for (std::int64_t c = 0; c < k; ++c)
      std::copy_n(cache.keys().row(slots[static_cast<std::size_t>(c * n / k)]), wide,
                  means + c * wide);
    std::vector<float> unit(static_cast<std::size_t>(k * wide)),
        likeness(static_cast<std::size_t>(width));
    for (std::int64_t round = 0; round < p_.rounds; ++round) {
      for (std::int64_t c = 0; c < k; ++c) {
        const float* m = means + c * wide;
        const double norm = std::sqrt(std::max(1e-30, dot(m, m, wide)));
        for (std::int64_t i = 0; i < wide; ++i)
          unit[static_cast<std::size_t>(c * wide + i)] = static_cast<float>(m[i] / norm);
      }
      for (const std::int32_t s : slots) {
        dot_rows(cache.keys().from(s, 1), {unit.data(), k, dim, wide}, 1.0F,
                 {likeness.data(), 1, k, width});
        of_[static_cast<std::size_t>(s)] = static_cast<std::int32_t>(
            count_ + (std::max_element(likeness.begin(), likeness.begin() + k) - likeness.begin()));
      }
      std::vector<std::int64_t> size(static_cast<std::size_t>(k), 0);
      for (const std::int32_t s : slots)
        ++size[static_cast<std::size_t>(of_[static_cast<std::size_t>(s)] - count_)];
      for (std::int64_t c = 0; c < k; ++c)
        if (size[static_cast<std::size_t>(c)] > 0) std::fill_n(means + c * wide, wide, 0.0F);
      for (const std::int32_t s : slots) {
        const std::int64_t c = of_[static_cast<std::size_t>(s)] - count_;
        for (std::int64_t i = 0; i < dim; ++i)
          means[c * wide + i] +=
              cache.keys().at(s, i) / static_cast<float>(size[static_cast<std::size_t>(c)]);
      }
    }
    count_ += k;
  }
  Params p_;
  std::int64_t count_ = 0, grouped_ = 0, new_clusters_ = 0;
  bool chose_ = false;
  std::vector<std::int32_t> of_, recent_, held_;
  std::vector<float> centroids_, scores_, estimates_, last_;
};
TERRACE_REGISTER(KvPlace, Clusters, "clusters",
                 "clusters of like keys whose centroids the query prefers (ClusterKV, LouisKV)");

}  // namespace
}  // namespace terrace
