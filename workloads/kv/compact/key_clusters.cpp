// Tokens that go live on as an estimate: clusters of keys with a few samples each give the
// softmax's denominator, values drawn by their squared length its numerator.
// Source: Zandieh et al., "SubGen: token generation in sublinear time and memory", arXiv
// 2402.06082, algorithm 1. State: per cluster a centre, a count and sampled keys; a reservoir of
// pairs; all of it raw.
#include <algorithm>
#include <cmath>

#include "sim/random.h"
#include "workloads/kv/attention_kernel.h"
#include "workloads/kv/compact/compact.h"

namespace terrace {
namespace {

class KeyClusters final : public KvCompact {
 public:
  struct Params {
    double radius = 8;
    std::int64_t clusters = 32, samples = 4, values = 64;
    static void fields(Schema<Params>& s) {
      s.field("radius", &Params::radius, "distance of keys from which on a cluster is opened")
          .at_least(0.0);
      s.field("clusters", &Params::clusters, "at most; then the nearest takes all").at_least(1);
      s.field("samples", &Params::samples, "keys of a cluster").at_least(1);
      s.field("values", &Params::values, "pairs in the reservoir").at_least(1);
    }
  };
  KeyClusters(const Params& params, const Context& context)
      : p_(params),
        dim_(static_cast<std::size_t>(context.shape.head_dim)),
        raw_bits_(static_cast<double>(context.raw_bits)),
        stream_(context.seed, "compact.key_clusters") {}

  bool has_residue() const override { return !pairs_.empty(); }
  double bits() const override {
    constexpr double count_bits = 32;
    const auto row = static_cast<double>(dim_) * raw_bits_;
    return static_cast<double>(clusters_.size()) *
               (row * static_cast<double>(1 + p_.samples) + count_bits) +
           2 * row * static_cast<double>(pairs_.size());
  }
  Work compact(HeadCache& cache, const Verdict& v, std::vector<std::int32_t>&) override {
    Work work;
    for (const std::int32_t slot : v.go) {
      const Row k(cache.keys().row(slot), cache.keys().row(slot) + dim_);
      const Row x(cache.values().row(slot), cache.values().row(slot) + dim_);
      work.flops += 3.0 * static_cast<double>(dim_ * (clusters_.size() + 1));
      add_key(k);
      add_value(k, x);
    }
    return work;
  }
  double residue_shift(const float* q) const override {
    double most = -1e30;
    for (const Cluster& c : clusters_)
      for (const Row& k : c.samples) most = std::max(most, logit(q, k));
    for (const Pair& p : pairs_) most = std::max(most, logit(q, p.k));
    return most;
  }
  void residue(const float* q, float shift, float* numerator, double& denominator) const override {
    for (const Cluster& c : clusters_)
      for (const Row& k : c.samples)
        denominator += c.count / static_cast<double>(p_.samples) * std::exp(logit(q, k) - shift);
    for (const Pair& p : pairs_) {
      const double w =
          squares_ / (static_cast<double>(p_.values) * p.square) * std::exp(logit(q, p.k) - shift);
      for (std::size_t c = 0; c < dim_; ++c) numerator[c] += static_cast<float>(w * p.v[c]);
    }
  }

 private:
  using Row = std::vector<float>;
  struct Cluster {
    Row centre;
    double count = 1;
    std::vector<Row> samples;  // each drawn from all of the cluster's keys
  };
  struct Pair {
    Row k, v;
    double square = 0;
  };
  double logit(const float* q, const Row& k) const {
    return dot(q, k.data(), static_cast<std::int64_t>(dim_));
  }
  void add_key(const Row& k) {
    Cluster* nearest = nullptr;
    double least = 0;
    for (Cluster& c : clusters_) {
      double d = 0;
      for (std::size_t i = 0; i < dim_; ++i) {
        const double x = static_cast<double>(k[i]) - static_cast<double>(c.centre[i]);
        d += x * x;
      }
      if (nearest == nullptr || d < least) least = d, nearest = &c;
    }
    const bool full = static_cast<std::int64_t>(clusters_.size()) >= p_.clusters;
    if (nearest == nullptr || (!full && std::sqrt(least) > p_.radius)) {
      clusters_.push_back({k, 1, std::vector<Row>(static_cast<std::size_t>(p_.samples), k)});
      return;
    }
    nearest->count += 1;
    for (Row& sample : nearest->samples)
      if (stream_.uniform() * nearest->count < 1) sample = k;
  }
  void add_value(const Row& k, const Row& v) {
    const double square = dot(v.data(), v.data(), static_cast<std::int64_t>(dim_));
    if (square <= 0) return;
    squares_ += square;
    if (pairs_.empty()) pairs_.assign(static_cast<std::size_t>(p_.values), {k, v, square});
    for (Pair& p : pairs_)
      if (stream_.uniform() * squares_ < square) p = {k, v, square};
  }
  Params p_;
  std::size_t dim_;
  double raw_bits_, squares_ = 0;
  RandomStream stream_;
  std::vector<Cluster> clusters_;
  std::vector<Pair> pairs_;
};
TERRACE_REGISTER(KvCompact, KeyClusters, "key_clusters",
                 "clusters of keys and drawn values stand for what went (SubGen)");

}  // namespace
}  // namespace terrace
