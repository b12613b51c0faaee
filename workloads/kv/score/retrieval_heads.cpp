// Only the heads that look things up in the text vote, and they vote for their whole layer.
// Source: Lin et al., "CompressKV: semantic retrieval heads know what tokens are not important
// before generation", arXiv 2508.02401. The paper finds these heads by the attention that they give
// to the span of an answer, which a captured text does not mark. Assumed instead: the attention
// that the calibration text's last queries give to tokens that are neither among its first nor
// near. For use with `heads_together`, by which votes become the layer's.
// State: a vote per entry for the last chunk; entries that came later rank above all.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "workloads/kv/attention_kernel.h"
#include "workloads/kv/attention_trace.h"
#include "workloads/kv/score/query_window.h"
#include "workloads/kv/score/score.h"

namespace terrace {
namespace {

class RetrievalHeads final : public KvScore {
 public:
  struct Params {
    std::int64_t heads = 4, window = 32, sinks = 4, near = 64, samples = 16;
    static void fields(Schema<Params>& s) {
      s.field("heads", &Params::heads, "query heads of a layer that vote").at_least(1);
      s.field("window", &Params::window, "last queries of the prompt that vote").at_least(1);
      s.field("sinks", &Params::sinks, "first tokens: no retrieval to attend to them").at_least(0);
      s.field("near", &Params::near, "tokens before a query: no retrieval either").at_least(0);
      s.field("samples", &Params::samples, "last queries of the calibration text").at_least(1);
    }
  };
  RetrievalHeads(const Params& params, const Context& context) : p_(params) {
    const AttentionTrace& trace = calibration_of(context);
    const TraceTensors layer = trace.layer(context.layer);
    std::vector<double> far;
    for (std::int64_t h = 0; h < context.shape.heads; ++h)
      far.push_back(far_attention(layer.q[static_cast<std::size_t>(h)],
                                  layer.k[static_cast<std::size_t>(context.shape.kv_head(h))],
                                  context.shape.scale));
    std::vector<std::int64_t> order(far.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&far](std::int64_t a, std::int64_t b) {
      return far[static_cast<std::size_t>(a)] > far[static_cast<std::size_t>(b)];
    });
    order.resize(std::min(order.size(), static_cast<std::size_t>(p_.heads)));
    for (const std::int64_t h : order)
      if (context.shape.kv_head(h) == context.head) voters_.push_back(h % context.shape.group());
  }

  Cost cost() const override {
    Cost c;
    c.flops_per_entry = 1;
    return c;
  }
  void queries(const HeadChunk& chunk, std::vector<std::int32_t>& wanted) const override {
    if (chunk.phase == Phase::prefill) want_last(chunk, p_.window, wanted);
  }
  void appended(const HeadChunk& chunk, const HeadCache& cache) override {
    votes_.grow(cache.size(), later);
    for (std::int64_t i = 0; i < cache.size() && chunk.phase == Phase::prefill; ++i) votes_[i] = 0;
  }
  void attended(const Attended& a, const HeadCache& cache) override {
    if (a.phase == Phase::decode) return;
    for (std::int64_t r = 0; r < a.by_head.rows; r += a.group)
      for (const std::int64_t h : voters_)
        for (std::int64_t i = 0; i < cache.size(); ++i) votes_[i] += a.by_head.at(r + h, i);
  }
  void score(const HeadCache& cache, float* out) override {
    for (std::int64_t i = 0; i < cache.size(); ++i) out[i] = votes_[i];
  }
  void kept(const std::vector<std::int32_t>& slots) override { votes_.keep(slots); }

 private:
  static constexpr float later = 1e30F;

  double far_attention(RowsView q, RowsView k, double scale) const {
    double far = 0;
    for (std::int64_t t = std::max<std::int64_t>(0, q.rows - p_.samples); t < q.rows; ++t) {
      std::vector<double> p;
      double most = -INFINITY, sum = 0;
      for (std::int64_t j = 0; j <= t; ++j) {
        p.push_back(scale * dot(q.row(t), k.row(j), q.cols));
        most = std::max(most, p.back());
      }
      for (double& x : p) sum += x = std::exp(x - most);
      for (std::int64_t j = p_.sinks; j < t - p_.near; ++j)
        far += p[static_cast<std::size_t>(j)] / sum;
    }
    return far;
  }

  Params p_;
  std::vector<std::int64_t> voters_;  // query heads of this KV head
  EntryColumn votes_;
};
TERRACE_REGISTER(KvScore, RetrievalHeads, "retrieval_heads",
                 "what the heads that look things up attend to (CompressKV)");

}  // namespace
}  // namespace terrace
