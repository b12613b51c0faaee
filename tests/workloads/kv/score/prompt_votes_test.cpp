// Scores that choose once, when the prompt has been read, against their definitions written out.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <set>

#include "tests/workloads/kv/harness.h"

namespace terrace {
namespace {

const RandomTrace trace(44);

struct LastToken : LiteralScore {
  std::map<std::int32_t, double> votes;
  std::int64_t window_from = 0;
  bool decoding = false;
  void attended(std::int64_t query, bool prefill, const std::vector<std::int32_t>& at,
                const std::vector<double>& p) override {
    decoding = !prefill;
    if (decoding) return;
    window_from = query + 1 - 8;
    for (std::size_t i = 0; i < at.size(); ++i) votes[at[i]] = p[i];
  }
  double score(std::int32_t p, const std::vector<std::int32_t>&) override {
    if (p < window_from) return votes[p];
    return static_cast<double>(p - window_from) + (decoding ? -1e6 : 2);
  }
};

// Sums of the last 8 queries of a prompt of 64; the mean over the stretch that a token is in.
struct Spans : LiteralScore {
  std::set<std::int32_t> begins;
  std::map<std::int32_t, double> votes;
  void attended(std::int64_t query, bool, const std::vector<std::int32_t>& at,
                const std::vector<double>& p) override {
    for (std::size_t i = 0; i < at.size() && query >= 56; ++i) votes[at[i]] += p[i];
  }
  double score(std::int32_t p, const std::vector<std::int32_t>& kept) override {
    const auto stretch = [this](std::int32_t x) { return *std::prev(begins.upper_bound(x)); };
    double sum = 0, count = 0;
    for (const std::int32_t other : kept) {
      if (stretch(other) != stretch(p)) continue;
      sum += votes[other];
      ++count;
    }
    return static_cast<float>(sum / count);
  }
};

// What some queries attend to, if they came after all that is kept.
struct Question : LiteralScore {
  std::int64_t layer = 0, head = 0, from = 0, to = 0;
  bool max = false;
  std::vector<std::int32_t> known;
  std::vector<double> scores;
  double score(std::int32_t p, const std::vector<std::int32_t>& kept) override {
    if (kept != known) {
      known = kept;
      scores.assign(kept.size(), 0.0);
      for (std::int64_t t = from; t < to; ++t) {
        const auto a = slow_attention(trace, layer, 2 * head, t, kept);
        const auto b = slow_attention(trace, layer, 2 * head + 1, t, kept);
        for (std::size_t i = 0; i < kept.size(); ++i) {
          const double x = (a[i] + b[i]) / 2;
          scores[i] = max ? std::max(scores[i], x) : scores[i] + x;
        }
      }
    }
    return scores[static_cast<std::size_t>(std::find(kept.begin(), kept.end(), p) - kept.begin())];
  }
};

// Votes of the two query heads of a layer that attend the most to what is far.
struct FarHeads : LiteralScore {
  std::map<std::int32_t, double> votes;
  FarHeads(const RandomTrace& captured, std::int64_t layer) {
    std::vector<std::pair<double, std::int64_t>> far;
    for (std::int64_t h = 0; h < 4; ++h) {
      double sum = 0;
      for (std::int64_t t = 86; t < 96; ++t) {
        std::vector<std::int32_t> over;
        for (std::int32_t j = 0; j <= t; ++j) over.push_back(j);
        const auto p = slow_attention(captured, layer, h, t, over);
        for (std::int64_t j = 2; j < t - 20; ++j) sum += p[static_cast<std::size_t>(j)];
      }
      far.emplace_back(-sum, h);
    }
    std::sort(far.begin(), far.end());
    for (std::size_t i = 0; i < 2; ++i)
      for (std::int64_t t = 56; t < 64; ++t) {
        std::vector<std::int32_t> over;
        for (std::int32_t j = 0; j <= t; ++j) over.push_back(j);
        const auto p = slow_attention(trace, layer, far[i].second, t, over);
        for (std::size_t j = 0; j < p.size(); ++j) votes[static_cast<std::int32_t>(j)] += p[j];
      }
  }
  double score(std::int32_t p, const std::vector<std::int32_t>&) override { return votes[p]; }
};

struct TextFirst : LiteralScore {
  const RandomTrace* tagged = nullptr;
  std::map<std::int32_t, double> sums;
  void attended(std::int64_t, bool, const std::vector<std::int32_t>& at,
                const std::vector<double>& p) override {
    for (std::size_t i = 0; i < at.size(); ++i) sums[at[i]] += p[i];
  }
  double score(std::int32_t p, const std::vector<std::int32_t>& kept) override {
    double most = 0;
    for (const std::int32_t other : kept) most = std::max(most, sums[other]);
    return sums[p] + ((tagged->tags()[p] & token_tag::image) != 0 ? 0 : most);
  }
};

Walk prompt_only() {
  Walk how;
  how.steps = 0;
  return how;
}

}  // namespace

TEST_CASE("the last token's choice stays for good, and a window slides beside it (SAGE-KV)") {
  const auto make = [](std::int64_t, std::int64_t) { return std::make_unique<LastToken>(); };
  require_literal_eviction(
      "{score: {kind: last_token_choice, recent: 8}, budget: {kind: uniform, tokens: 24}, "
      "protect: {sinks: 4}}",
      trace, make);
  // 4 sinks, 12 chosen and the last 8 tokens, at every step.
  std::vector<std::int32_t> chosen;
  walk(policy_of("{score: {kind: last_token_choice, recent: 8}, budget: {kind: uniform, tokens: "
                 "24}, protect: {sinks: 4}}"),
       trace, {}, [&](const PolicyCache& cache, std::int64_t seen, const auto&) {
         std::vector<std::int32_t> kept = cache.head(1, 0).positions();
         for (std::int64_t i = 0; i < 8; ++i)
           REQUIRE(kept[static_cast<std::size_t>(16 + i)] == seen - 8 + i);
         kept.resize(16);
         if (chosen.empty()) chosen = kept;
         REQUIRE(kept == chosen);
       });
}

TEST_CASE("stretches of tokens stay or go by their mean vote (WindowKV)") {
  require_literal_eviction(
      "{score: {kind: span_vote, window: 8, span: 6}, budget: {kind: uniform, tokens: 29}, "
      "protect: {recent: 8}}",
      trace,
      [](std::int64_t, std::int64_t) {
        auto score = std::make_unique<Spans>();
        for (std::int32_t p = 0; p < 96; p += 6) score->begins.insert(p);
        return score;
      },
      prompt_only());
}

TEST_CASE("the shots of a prompt stay or go whole (ShotKV)") {
  RandomTrace shots(44);
  for (const std::size_t p : {9U, 23U, 30U, 47U}) shots.tags()[p] = token_tag::special;
  require_literal_eviction(
      "{score: {kind: span_vote, window: 8, span: 5, ends: special}, budget: {kind: uniform, "
      "tokens: 30}}",
      shots,
      [](std::int64_t, std::int64_t) {
        auto score = std::make_unique<Spans>();
        score->begins = {0, 5, 9, 23, 30, 47};  // before the first shot: every five
        return score;
      },
      prompt_only());
}

TEST_CASE("a question known beforehand says what each chunk carries on (Finch, EpiCache)") {
  Walk how = prompt_only();
  how.guide = 6;
  for (const bool max : {false, true})
    for (const std::int64_t chunk : {0, 16}) {
      how.chunk = chunk;
      require_literal_eviction(
          std::string("{score: {kind: guided_attention, over: ") + (max ? "max" : "sum") +
              "}, budget: {kind: uniform, tokens: 12}}",
          trace,
          [max](std::int64_t layer, std::int64_t head) {
            auto score = std::make_unique<Question>();
            score->layer = layer;
            score->head = head;
            score->from = 58;
            score->to = 64;
            score->max = max;
            return score;
          },
          how);
    }
}

TEST_CASE("where no question is known the last queries of the prompt stand in") {
  require_literal_eviction(
      "{score: {kind: guided_attention, window: 4}, budget: {kind: uniform, tokens: 12}}", trace,
      [](std::int64_t layer, std::int64_t head) {
        auto score = std::make_unique<Question>();
        score->layer = layer;
        score->head = head;
        score->from = 60;
        score->to = 64;
        return score;
      },
      prompt_only());
}

TEST_CASE("the heads that look far back vote for all heads of their layer (CompressKV)") {
  const RandomTrace captured(45);
  Walk how = prompt_only();
  how.calibration = &captured;
  require_literal_eviction(
      "{score: {kind: retrieval_heads, heads: 2, window: 8, sinks: 2, near: 20, samples: 10}, "
      "budget: {kind: uniform, tokens: 24}, protect: {recent: 8}, heads_together: true}",
      trace,
      [&](std::int64_t layer, std::int64_t) { return std::make_unique<FarHeads>(captured, layer); },
      how);
}

TEST_CASE("any text token stays before any image token (LOOK-M)") {
  RandomTrace pictures(46);
  for (std::size_t p = 8; p < 50; ++p) pictures.tags()[p] = token_tag::image;
  require_literal_eviction("{score: text_prior, budget: {kind: uniform, tokens: 40}}", pictures,
                           [&](std::int64_t, std::int64_t) {
                             auto score = std::make_unique<TextFirst>();
                             score->tagged = &pictures;
                             return score;
                           });
}

TEST_CASE("above one layer only the best part of a prompt goes on (FastKV)") {
  const RandomTrace deep(47, {96, 4, 4, 2, 16, 24, true});
  // 16 of 64 tokens go on from layer 1: those of the lowest key norm, on average over its heads.
  std::vector<std::pair<double, std::int32_t>> ranked;
  const TraceTensors t = deep.layer(1);
  for (std::int32_t p = 0; p < 64; ++p) {
    double mean = 0;
    for (const RowsView& k : t.k) {
      double square = 0;
      for (std::int64_t c = 0; c < 16; ++c) square += static_cast<double>(k.at(p, c)) * k.at(p, c);
      mean += std::sqrt(square) / 2;
    }
    ranked.emplace_back(mean, p);
  }
  std::sort(ranked.begin(), ranked.end());
  std::vector<std::int32_t> expected;
  for (std::size_t i = 0; i < 16; ++i) expected.push_back(ranked[i].second);
  std::sort(expected.begin(), expected.end());
  walk(policy_of("{score: l2_norm, budget: {kind: token_selective, share: 0.25, depth: 0.5, rate: "
                 "0.2}}"),
       deep, prompt_only(), [&](const PolicyCache& cache, std::int64_t, const auto&) {
         for (std::int64_t h = 0; h < 2; ++h) {
           REQUIRE(cache.head(0, h).size() == 16);
           REQUIRE(cache.head(1, h).positions() != expected);  // a head's own choice
           REQUIRE(cache.head(2, h).positions() == expected);
           REQUIRE(cache.head(3, h).positions() == expected);
         }
       });
}

TEST_CASE("a growing budget takes one token more for every few (SCOPE)") {
  walk(policy_of("{score: last_query, budget: {kind: growing, base: 10, every: 4}}"), trace, {},
       [](const PolicyCache& cache, std::int64_t seen, const auto&) {
         REQUIRE(cache.head(1, 1).size() == 10 + seen / 4);
       });
}

}  // namespace terrace
