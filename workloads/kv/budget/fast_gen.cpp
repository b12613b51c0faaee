// Every head keeps what the cheapest of five policies keeps that still recovers its attention:
// special tokens; and punctuation; and heavy hitters; and recent ones; or all.
// Source: Ge et al., "Model tells you what to discard: adaptive KV cache compression for LLMs"
// (FastGen), arXiv 2310.01801, algorithm 1. Each policy's tokens are among the next one's, so that
// a score that ranks them and a number of tokens say which policy a head has: the two members here
// belong together. State: a running sum per entry; a number of tokens per head.
#include <algorithm>
#include <cmath>

#include "workloads/kv/budget/budget.h"
#include "workloads/kv/score/score.h"

namespace terrace {
namespace {

// 4 special, 3 punctuation, 2 heavy hitters, 1 recent, 0 the rest; plus the share of attention,
// less than 1, which orders tokens within a rank.
class FastGenScore final : public KvScore {
 public:
  struct Params {
    double frequent = 0.3, recent = 0.3;
    static void fields(Schema<Params>& s) {
      s.field("frequent", &Params::frequent, "tokens that are heavy hitters, of those seen")
          .between(0.0, 1.0);
      s.field("recent", &Params::recent, "tokens that are recent, of those seen").between(0.0, 1.0);
    }
  };
  FastGenScore(const Params& params, const Context&) : p_(params) {}
  Cost cost() const override {
    Cost c;
    c.bits_per_entry = 34;  // a sum and one of four tags
    c.flops_per_entry = 2;
    return c;
  }
  void queries(const HeadChunk& chunk, std::vector<std::int32_t>& wanted) const override {
    for (std::int64_t t = 0; t < chunk.tokens; ++t) wanted.push_back(static_cast<std::int32_t>(t));
  }
  void appended(const HeadChunk& chunk, const HeadCache& cache) override {
    sums_.grow(cache.size());
    tags_.grow(cache.size());
    for (std::int64_t t = 0; t < chunk.tokens && chunk.tags != nullptr; ++t)
      tags_[cache.size() - chunk.tokens + t] = chunk.tags[t];
  }
  void attended(const Attended& a, const HeadCache& cache) override {
    for (std::int64_t r = 0; r < a.probabilities.rows; ++r)
      for (std::int64_t i = 0; i < cache.size(); ++i) sums_[i] += a.probabilities.row(r)[i];
  }
  void score(const HeadCache& cache, float* out) override {
    const std::int64_t n = cache.size(), seen = n > 0 ? cache.positions().back() + 1 : 0;
    const auto part = [&](double share) {
      return std::min(n, static_cast<std::int64_t>(share * static_cast<double>(seen) + 1e-9));
    };
    std::vector<float> sorted = sums_.all();
    std::sort(sorted.begin(), sorted.end(), std::greater<>());
    const std::int64_t heavy = part(p_.frequent);
    double all = 1e-30;
    for (const float x : sorted) all += x;
    for (std::int64_t i = 0; i < n; ++i) {
      const auto tag = static_cast<std::uint8_t>(tags_[i]);
      float rank = 0;
      if ((tag & token_tag::special) != 0)
        rank = 4;
      else if ((tag & token_tag::punctuation) != 0)
        rank = 3;
      else if (heavy > 0 && sums_[i] >= sorted[static_cast<std::size_t>(heavy - 1)])
        rank = 2;
      else if (i >= n - part(p_.recent))
        rank = 1;
      out[i] = rank + 0.999F * static_cast<float>(sums_[i] / all);
    }
  }
  void kept(const std::vector<std::int32_t>& slots) override {
    sums_.keep(slots);
    tags_.keep(slots);
  }

 private:
  Params p_;
  EntryColumn sums_, tags_;
};
TERRACE_REGISTER(KvScore, FastGenScore, "fast_gen",
                 "special tokens, punctuation, heavy hitters, recent ones, the rest (FastGen)");

class FastGen final : public KvBudget {
 public:
  struct Params {
    double share = 0.95;
    static void fields(Schema<Params>& s) {
      s.field("share", &Params::share, "of a head's attention to be recovered; 1: all tokens")
          .above(0.0)
          .at_most(1.0);
    }
  };
  FastGen(const Params& params, const Context& context)
      : p_(params),
        heads_(context.shape.kv_heads),
        part_(static_cast<std::size_t>(context.shape.layers * context.shape.kv_heads), 1.0) {}

  // The score's fraction is the token's share of all attention that the head gave so far.
  void observed(std::int64_t layer, std::int64_t head, const HeadChunk& chunk,
                const HeadCache& cache, const float* scores) override {
    if (chunk.phase == Phase::decode) return;
    double recovered = 0;
    std::int64_t count = 0;
    double& part = part_[static_cast<std::size_t>(layer * heads_ + head)];
    part = 1;
    for (int rank = 4; rank >= 1 && p_.share < 1; --rank) {
      for (std::int64_t i = 0; i < cache.size(); ++i) {
        if (static_cast<int>(scores[i]) != rank) continue;
        recovered += (scores[i] - static_cast<float>(rank)) / 0.999;
        ++count;
      }
      if (recovered < p_.share) continue;
      part = static_cast<double>(count) / static_cast<double>(chunk.first + chunk.tokens);
      break;
    }
  }
  std::int64_t tokens(std::int64_t layer, std::int64_t head, std::int64_t seen) override {
    const double part = part_[static_cast<std::size_t>(layer * heads_ + head)];
    return std::max<std::int64_t>(
        1, static_cast<std::int64_t>(std::ceil(part * static_cast<double>(seen) - 1e-9)));
  }
  double flops_per_entry() const override { return 4; }

 private:
  Params p_;
  std::int64_t heads_;
  std::vector<double> part_;  // of the tokens seen, by layer and head
};
TERRACE_REGISTER(KvBudget, FastGen, "fast_gen",
                 "what the cheapest policy keeps that recovers the head's attention (FastGen)");

}  // namespace
}  // namespace terrace
