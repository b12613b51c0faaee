// A token counts by how much attention it gets and by how evenly: the share of one measure and the
// share of the other are weighed.
// Source: "Scaling test-time inference with policy-optimized, dynamic retrieval-augmented
// generation via KV caching and decoding" (CRITIC), arXiv 2504.01281: token importance out of
// attention, entropy and gradients. Assumed: entropy is that of a token's column of attention, the
// sum of -p log p over queries; both are divided by their largest; gradients, which need
// back-propagation, are left out. State: two running sums per entry (fp32).
#include <algorithm>
#include <cmath>

#include "workloads/kv/score/query_window.h"
#include "workloads/kv/score/score.h"

namespace terrace {
namespace {

class AttentionEntropy final : public KvScore {
 public:
  struct Params {
    double entropy = 0.5;
    std::int64_t window = 64;
    static void fields(Schema<Params>& s) {
      s.field("entropy", &Params::entropy, "weight of the entropy; the rest is the attention's")
          .between(0.0, 1.0);
      s.field("window", &Params::window, "last queries of a prompt that count").at_least(1);
    }
  };
  AttentionEntropy(const Params& params, const Context&) : p_(params) {}

  Cost cost() const override {
    Cost c;
    c.bits_per_entry = 64;
    c.flops_per_entry = 5;
    return c;
  }
  void queries(const HeadChunk& chunk, std::vector<std::int32_t>& wanted) const override {
    want_last(chunk, p_.window, wanted);
  }
  void appended(const HeadChunk&, const HeadCache& cache) override {
    sums_.grow(cache.size());
    entropies_.grow(cache.size());
  }
  void attended(const Attended& a, const HeadCache& cache) override {
    for (std::int64_t r = 0; r < a.probabilities.rows; ++r)
      for (std::int64_t i = 0; i < cache.size(); ++i) {
        const float p = a.probabilities.at(r, i);
        if (p <= 0) continue;
        sums_[i] += p;
        entropies_[i] -= p * std::log(p);
      }
  }
  void score(const HeadCache& cache, float* out) override {
    float most = 0, widest = 0;
    for (std::int64_t i = 0; i < cache.size(); ++i) {
      most = std::max(most, sums_[i]);
      widest = std::max(widest, entropies_[i]);
    }
    const auto w = static_cast<float>(p_.entropy);
    for (std::int64_t i = 0; i < cache.size(); ++i)
      out[i] = (1 - w) * (most > 0 ? sums_[i] / most : 0) +
               w * (widest > 0 ? entropies_[i] / widest : 0);
  }
  void kept(const std::vector<std::int32_t>& slots) override {
    sums_.keep(slots);
    entropies_.keep(slots);
  }

 private:
  Params p_;
  EntryColumn sums_, entropies_;
};
TERRACE_REGISTER(KvScore, AttentionEntropy, "attention_entropy",
                 "how much attention a token gets, and how evenly (CRITIC)");

}  // namespace
}  // namespace terrace
