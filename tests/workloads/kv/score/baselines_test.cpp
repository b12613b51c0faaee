// Scores against their definitions, written out.
#include <catch2/catch.hpp>
#include <cmath>
#include <map>

#include "tests/workloads/kv/harness.h"

namespace terrace {
namespace {

const RandomTrace trace(11);

struct Recency : LiteralScore {
  double score(std::int32_t p, const std::vector<std::int32_t>&) override { return p; }
};

struct Accumulated : LiteralScore {
  std::map<std::int32_t, double> sums;
  void attended(std::int64_t, bool, const std::vector<std::int32_t>& at,
                const std::vector<double>& p) override {
    for (std::size_t i = 0; i < at.size(); ++i) sums[at[i]] += p[i];
  }
  double score(std::int32_t p, const std::vector<std::int32_t>&) override { return sums[p]; }
};

struct KeyNorm : LiteralScore {
  RowsView k;
  double score(std::int32_t p, const std::vector<std::int32_t>&) override {
    double sum = 0;
    for (std::int64_t c = 0; c < k.cols; ++c) sum += static_cast<double>(k.at(p, c)) * k.at(p, c);
    return -std::sqrt(sum);
  }
};

// Votes of the queries [from, to) of a prompt, pooled over slots; later tokens stay.
struct Window : LiteralScore {
  std::int64_t from = 0, to = 0, reach = 0;
  std::map<std::int32_t, double> votes;
  void attended(std::int64_t query, bool, const std::vector<std::int32_t>& at,
                const std::vector<double>& p) override {
    for (std::size_t i = 0; i < at.size() && query >= from && query < to; ++i) votes[at[i]] += p[i];
  }
  double score(std::int32_t p, const std::vector<std::int32_t>& kept) override {
    if (p >= to) return 1e30 + p;
    const auto self = std::find(kept.begin(), kept.end(), p) - kept.begin();
    double most = 0;
    for (std::int64_t i = self - reach; i <= self + reach; ++i)
      if (i >= 0 && i < static_cast<std::int64_t>(kept.size()))
        most = std::max(most, votes[kept[static_cast<std::size_t>(i)]]);
    return most;
  }
};

}  // namespace

TEST_CASE("a sliding window keeps the last tokens, and sinks the first") {
  const auto literal = [](auto, auto) { return std::make_unique<Recency>(); };
  require_literal_eviction("{score: recency, budget: {kind: uniform, tokens: 20}}", trace, literal);
  require_literal_eviction(
      "{score: recency, budget: {kind: uniform, share: 0.3}, protect: {sinks: 4, recent: 5}}",
      trace, literal);
}

TEST_CASE("accumulated attention keeps what the columns of attention add up to (H2O)") {
  const auto literal = [](auto, auto) { return std::make_unique<Accumulated>(); };
  require_literal_eviction(
      "{score: accumulated_attention, budget: {kind: uniform, tokens: 20}, "
      "protect: {recent_share: 0.5}}",
      trace, literal);
  Walk chunks;
  chunks.chunk = 16;
  require_literal_eviction(
      "{score: accumulated_attention, budget: {kind: uniform, tokens: 40}, protect: {recent: 16}}",
      trace, literal, chunks);
}

TEST_CASE("keys of the lowest norm stay") {
  require_literal_eviction("{score: l2_norm, budget: {kind: uniform, tokens: 20}}", trace,
                           [](std::int64_t layer, std::int64_t head) {
                             auto score = std::make_unique<KeyNorm>();
                             score->k = trace.layer(layer).k[static_cast<std::size_t>(head)];
                             return score;
                           });
}

TEST_CASE("an observation window keeps what the prompt's last queries vote for (SnapKV)") {
  Walk prompt_only;
  prompt_only.steps = 0;
  for (const std::int64_t kernel : {1, 5}) {
    require_literal_eviction(
        "{score: {kind: observation_window, window: 8, kernel: " + std::to_string(kernel) +
            "}, budget: {kind: uniform, tokens: 20}, protect: {recent: 8}}",
        trace,
        [kernel](auto, auto) {
          auto score = std::make_unique<Window>();
          score->from = 56;
          score->to = 64;
          score->reach = kernel / 2;
          return score;
        },
        prompt_only);
  }
}

TEST_CASE("a draw by lot keeps as many as it may, and other ones with another seed") {
  const KvPolicy policy = policy_of("{score: random, budget: {kind: uniform, tokens: 20}}");
  std::vector<std::vector<std::int32_t>> kept;
  for (const std::uint64_t seed : {1, 1, 2}) {
    Walk how;
    how.seed = seed;
    std::vector<std::int32_t> last;
    walk(policy, trace, how, [&](const PolicyCache& cache, std::int64_t, const auto&) {
      last = cache.head(0, 0).positions();
      REQUIRE(last.size() == 20);
    });
    kept.push_back(last);
  }
  REQUIRE(kept[0] == kept[1]);
  REQUIRE(kept[0] != kept[2]);
}

}  // namespace terrace
