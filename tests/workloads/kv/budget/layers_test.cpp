// Budgets that weigh layers, against their definitions on slow attention; and what holds for every
// way of sharing: floors, caps, and the whole.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <numeric>

#include "sim/random.h"
#include "tests/workloads/kv/harness.h"
#include "workloads/kv/budget/share_out.h"

namespace terrace {
namespace {

constexpr std::int64_t prompt = 64;
const RandomTrace layers_trace(51, {96, 5, 4, 2, 16, 24, true});

// By layer and head, after the prompt.
std::vector<std::vector<std::int64_t>> budgets_of(const std::string& budget) {
  std::vector<std::vector<std::int64_t>> all;
  Walk how;
  how.steps = 0;
  how.calibration = &layers_trace;
  walk(policy_of("{score: accumulated_attention, budget: " + budget + "}"), layers_trace, how,
       [&](const PolicyCache& cache, std::int64_t, const auto&) {
         for (std::int64_t l = 0; l < 5; ++l) {
           all.push_back({cache.budget(l, 0), cache.budget(l, 1)});
           for (std::int64_t h = 0; h < 2; ++h)
             REQUIRE(cache.head(l, h).size() == cache.budget(l, h));
         }
       });
  return all;
}

// Attention of the last `window` queries of the prompt, over the prompt: a row for each.
std::vector<std::vector<double>> window_of(std::int64_t layer, std::int64_t head,
                                           std::int64_t window) {
  std::vector<std::vector<double>> rows;
  std::vector<std::int32_t> over;
  for (std::int32_t t = 0; t < prompt; ++t) {
    over.push_back(t);
    if (t < prompt - window) continue;
    rows.push_back(slow_attention(layers_trace, layer, head, t, over));
    rows.back().resize(prompt, 0.0);
  }
  return rows;
}

// Everyone floor + lambda w, at most cap, with the lambda that meets the whole.
std::vector<double> parts_of(const std::vector<double>& w, double whole, double floor, double cap) {
  double low = 0, high = 1e12;
  std::vector<double> parts(w.size());
  for (int step = 0; step < 200; ++step) {
    const double lambda = (low + high) / 2;
    double sum = 0;
    for (std::size_t i = 0; i < w.size(); ++i)
      sum += parts[i] = std::min(cap, floor + lambda * w[i]);
    (sum > whole ? high : low) = lambda;
  }
  return parts;
}

void require_parts(const std::vector<std::vector<std::int64_t>>& budgets,
                   const std::vector<double>& weights, double mean, double floor) {
  const auto parts =
      parts_of(weights, mean * static_cast<double>(weights.size()), floor, double{prompt});
  double sum = 0;
  for (std::size_t l = 0; l < weights.size(); ++l) {
    INFO("layer " << l << " of weight " << weights[l] << ": " << budgets[l][0] << " for "
                  << parts[l]);
    REQUIRE(budgets[l][0] == budgets[l][1]);
    REQUIRE(std::fabs(static_cast<double>(budgets[l][0]) - parts[l]) <= 1);
    sum += static_cast<double>(budgets[l][0]);
  }
  REQUIRE(sum == mean * static_cast<double>(weights.size()));
  REQUIRE(*std::max_element(weights.begin(), weights.end()) >
          1.02 * *std::min_element(weights.begin(), weights.end()));
}

std::int64_t least_count(std::vector<double> mass, double share) {
  std::sort(mass.begin(), mass.end(), std::greater<>());
  const double all = std::accumulate(mass.begin(), mass.end(), 0.0);
  double sum = 0;
  for (std::size_t i = 0; i < mass.size(); ++i)
    if ((sum += mass[i]) >= share * all) return static_cast<std::int64_t>(i) + 1;
  return static_cast<std::int64_t>(mass.size());
}

}  // namespace

TEST_CASE("tokens that are shared out sum to the whole, above every floor and below every cap") {
  RandomStream random(3, "share_out");
  for (int trial = 0; trial < 2000; ++trial) {
    std::vector<double> w;
    for (std::int64_t n = random.integer(1, 12); n > 0; --n)
      w.push_back(random.uniform() < 0.2 ? 0 : std::exp(3 * random.normal()));
    const std::int64_t cap = random.integer(1, 100), floor = random.integer(0, cap);
    const auto n = static_cast<std::int64_t>(w.size());
    const std::int64_t whole = random.integer(0, n * cap + 5);
    const auto tokens = share_out(w, whole, floor, cap);
    const std::int64_t sum = std::accumulate(tokens.begin(), tokens.end(), std::int64_t{0});
    INFO("trial " << trial);
    REQUIRE(sum == std::clamp(whole, n * floor, n * cap));
    for (const std::int64_t t : tokens) {
      REQUIRE(t >= floor);
      REQUIRE(t <= cap);
    }
    const bool all_open = *std::min_element(w.begin(), w.end()) > 0;
    if (!all_open) continue;
    const auto parts =
        parts_of(w, static_cast<double>(sum), static_cast<double>(floor), static_cast<double>(cap));
    for (std::size_t i = 0; i < w.size(); ++i)
      REQUIRE(std::fabs(static_cast<double>(tokens[i]) - parts[i]) <= 1.001);
  }
}

TEST_CASE("CAKE: layers share the whole by H^(1/tau1) V^(1/tau2) of the last queries' attention") {
  std::vector<double> weights;
  for (std::int64_t l = 0; l < 5; ++l) {
    double entropy = 0, variance = 0;
    for (std::int64_t kv = 0; kv < 2; ++kv) {
      std::vector<std::vector<double>> rows;  // of both query heads
      for (const std::int64_t h : {2 * kv, 2 * kv + 1})
        for (const auto& row : window_of(l, h, 16)) rows.push_back(row);
      for (std::size_t i = 0; i < prompt - 16; ++i) {
        double mean = 0, squares = 0;
        for (const auto& row : rows) {
          mean += row[i] / static_cast<double>(rows.size());
          entropy -= row[i] * std::log(row[i]);
        }
        for (const auto& row : rows) squares += (row[i] - mean) * (row[i] - mean);
        variance += 2 * squares / static_cast<double>(rows.size() - 1);
      }
    }
    weights.push_back(std::sqrt(entropy) * std::pow(variance, 1 / 0.5));
  }
  require_parts(budgets_of("{kind: cake, tokens: 20, window: 16, dispersion: 2, shift: 0.5}"),
                weights, 20, 1);
  // The window apart: every layer has it, and the rest is shared out.
  require_parts(
      budgets_of("{kind: cake, tokens: 20, window: 16, apart: 16, dispersion: 2, shift: 0.5}"),
      weights, 20, 16);
}

TEST_CASE("CAKE's layers hold the whole budget from the first on; others wait for the last layer") {
  // Tokens of a head in all layers so far: 5 x 10 under the cascade (the first layer is given all
  // of it, but for the 64 tokens that there are), 64 a layer where all must be measured first.
  const auto held = [&](const std::string& budget) {
    CacheSetup setup;
    setup.shape = layers_trace.shape();
    PolicyCache cache(policy_of("{score: l2_norm, budget: " + budget + "}"), setup);
    TraceTokens tokens;
    std::vector<std::int64_t> sums;
    for (std::int64_t l = 0; l < 5; ++l) {
      cache.attend(tokens.at(layers_trace, layers_trace.layer(l), l, 0, prompt), Phase::prefill,
                   true, nullptr);
      sums.push_back(0);
      for (std::int64_t below = 0; below <= l; ++below) sums.back() += cache.head(below, 1).size();
    }
    return sums;
  };
  REQUIRE(held("{kind: cake, tokens: 10}") == std::vector<std::int64_t>(5, 50));
  REQUIRE(held("{kind: zigzag, tokens: 10}") == std::vector<std::int64_t>{64, 128, 192, 256, 50});
}

TEST_CASE("ZigZagKV: beyond a floor, layers share by the tokens that hold 90 % of attention") {
  std::vector<double> weights;
  for (std::int64_t l = 0; l < 5; ++l) {
    double lmba = 0;
    for (std::int64_t kv = 0; kv < 2; ++kv) {
      std::vector<double> mass(prompt, 0.0);
      for (const std::int64_t h : {2 * kv, 2 * kv + 1})
        for (const auto& row : window_of(l, h, 4))
          for (std::size_t i = 0; i < prompt; ++i) mass[i] += row[i];
      lmba += static_cast<double>(least_count(mass, 0.9)) / 2;
    }
    weights.push_back(lmba);
  }
  require_parts(budgets_of("{kind: zigzag, tokens: 20, window: 4, mass: 0.9, floor: 0.3}"), weights,
                20, 6);
}

TEST_CASE("D2O: layers get exp(-F), F the heads' variances from the least to the largest") {
  const RandomTrace trace(31, {64, 5, 8, 4, 16, 24, true});
  std::vector<double> parts;
  for (std::int64_t l = 0; l < 5; ++l) {
    std::vector<double> variance(4, 0.0);
    for (std::int64_t kv = 0; kv < 4; ++kv) {
      std::vector<double> mass(64, 0.0);
      for (const std::int64_t h : {2 * kv, 2 * kv + 1})
        for (std::int32_t now = 0; now < 64; ++now) {
          std::vector<std::int32_t> seen(static_cast<std::size_t>(now + 1));
          std::iota(seen.begin(), seen.end(), 0);
          const auto p = slow_attention(trace, l, h, now, seen);
          for (std::size_t i = 0; i < p.size(); ++i) mass[i] += p[i];
        }
      const double mean = std::accumulate(mass.begin(), mass.end(), 0.0) / 64;
      for (const double m : mass) variance[static_cast<std::size_t>(kv)] += (m - mean) * (m - mean);
    }
    const auto [low, high] = std::minmax_element(variance.begin(), variance.end());
    double f = 0;
    for (const double v : variance) f += (v - *low) / (*high - *low) / 4;
    parts.push_back(std::exp(-f));
  }
  const double sum = std::accumulate(parts.begin(), parts.end(), 0.0);
  Walk how;
  how.steps = 0;
  walk(policy_of("{score: recency, budget: {kind: density, tokens: 20, floor: 0.2}}"), trace, how,
       [&](const PolicyCache& cache, std::int64_t, const auto&) {
         for (std::int64_t l = 0; l < 5; ++l) {
           const double expected = 4 + (100 - 20) * parts[static_cast<std::size_t>(l)] / sum;
           INFO("layer " << l << " has " << cache.budget(l, 0) << ", wants " << expected);
           REQUIRE(std::fabs(static_cast<double>(cache.budget(l, 0)) - expected) <= 1);
         }
       });
}

TEST_CASE("SqueezeAttention: the layers that change least keep p of the mean, the rest the rest") {
  // Inputs of layer l + 1 are the outputs of layer l; the top layer counts as the one below.
  std::vector<double> like;
  for (std::int64_t l = 0; l + 1 < 5; ++l) {
    const RowsView a = layers_trace.layer(l).x, b = layers_trace.layer(l + 1).x;
    double sum = 0;
    for (std::int64_t t = 0; t < prompt; ++t) {
      double ab = 0, aa = 0, bb = 0;
      for (std::int64_t c = 0; c < a.cols; ++c) {
        ab += double{a.at(t, c)} * b.at(t, c);
        aa += double{a.at(t, c)} * a.at(t, c);
        bb += double{b.at(t, c)} * b.at(t, c);
      }
      sum += ab / std::sqrt(aa * bb) / double{prompt};
    }
    like.push_back(sum);
  }
  like.push_back(like.back());
  // Which group is most alike: those that the best split in three by squares puts on top.
  std::vector<double> sorted = like;
  std::sort(sorted.begin(), sorted.end());
  const auto budgets = budgets_of("{kind: squeeze, tokens: 20, p: 0.35}");
  std::size_t small = 0;
  for (std::size_t l = 0; l < 5; ++l) small += budgets[l][0] <= 8 ? 1 : 0;  // 0.35 x 20 = 7
  REQUIRE(small >= 1);
  REQUIRE(small < 5);
  const double limit = sorted[5 - small];
  std::vector<double> weights;
  for (const double x : like)
    weights.push_back(x >= limit ? 0.35
                                 : (5 - 0.35 * static_cast<double>(small)) /
                                       static_cast<double>(5 - small));
  const double whole = 5 * 20;
  std::int64_t sum = 0;
  for (std::size_t l = 0; l < 5; ++l) {
    INFO("layer " << l << " cosine " << like[l] << ": " << budgets[l][0]);
    REQUIRE(std::fabs(static_cast<double>(budgets[l][0]) - weights[l] * 20) <= 2);  // a floor of 1
    sum += budgets[l][0];
  }
  REQUIRE(static_cast<double>(sum) == whole);
}

TEST_CASE("PrefixKV: prefixes of the layers hold the same share of importance") {
  std::vector<std::vector<double>> curves;
  for (std::int64_t l = 0; l < 5; ++l) {
    std::vector<double> mass(96, 0.0);
    std::vector<std::int32_t> over;
    for (std::int32_t t = 0; t < 96; ++t) {
      over.push_back(t);
      for (std::int64_t h = 0; h < 4; ++h) {
        const auto p = slow_attention(layers_trace, l, h, t, over);
        for (std::size_t i = 0; i < p.size(); ++i) mass[i] += p[i] / (4 * 96);
      }
    }
    std::sort(mass.begin(), mass.end(), std::greater<>());
    std::partial_sum(mass.begin(), mass.end(), mass.begin());
    curves.push_back(mass);
  }
  const auto budgets = budgets_of("{kind: prefix, tokens: 16}");
  std::vector<double> held;  // 16 of 64 tokens: of 96, half as many again
  std::int64_t sum = 0;
  for (std::size_t l = 0; l < 5; ++l) {
    held.push_back(curves[l][static_cast<std::size_t>(budgets[l][0] * 96 / 64) - 1]);
    sum += budgets[l][0];
  }
  const auto [low, high] = std::minmax_element(held.begin(), held.end());
  INFO("prefixes hold " << *low << " to " << *high);
  REQUIRE(sum == 5 * 16);
  REQUIRE(*high - *low < 0.06);  // two tokens' importance
}

TEST_CASE(
    "CompressKV: beyond a floor, layers share by their error under eviction, measured before") {
  // The first 48 tokens are cut to the 10 that queries 44 to 47 attend to most.
  std::vector<double> errors;
  for (std::int64_t l = 0; l < 5; ++l) {
    double difference = 0, reference = 0;
    for (std::int64_t kv = 0; kv < 2; ++kv) {
      std::vector<std::pair<double, std::int32_t>> votes;
      std::vector<std::int32_t> over;
      for (std::int32_t t = 0; t < 48; ++t) votes.emplace_back(0, t);
      for (std::int32_t t = 0; t < 48; ++t) {
        over.push_back(t);
        for (std::int64_t h = 2 * kv; t >= 44 && h < 2 * kv + 2; ++h) {
          const auto p = slow_attention(layers_trace, l, h, t, over);
          for (std::size_t i = 0; i < p.size(); ++i) votes[i].first += p[i];
        }
      }
      std::sort(votes.rbegin(), votes.rend());
      std::vector<std::int32_t> kept;
      for (std::size_t i = 0; i < 10; ++i) kept.push_back(votes[i].second);
      for (std::int32_t t = 48; t < 96; ++t) {
        kept.push_back(t);
        over.push_back(t);
        for (std::int64_t h = 2 * kv; h < 2 * kv + 2; ++h) {
          const auto full = slow_output(layers_trace, l, h, t, over);
          const auto cut = slow_output(layers_trace, l, h, t, kept);
          for (std::size_t c = 0; c < full.size(); ++c) {
            difference += (full[c] - cut[c]) * (full[c] - cut[c]);
            reference += full[c] * full[c];
          }
        }
      }
    }
    errors.push_back(std::pow(difference / reference, 4.0 / 2));
  }
  require_parts(budgets_of("{kind: eviction_error, tokens: 10, window: 4, queries: 48, floor: 0.3, "
                           "sharpness: 4}"),
                errors, 10, 3);
}

TEST_CASE("ZipVL: a layer keeps as many tokens as hold tau of its attention, whatever the others") {
  const auto budgets = budgets_of("{kind: attention_mass, share: 0.8, window: 8}");
  for (std::int64_t l = 0; l < 5; ++l) {
    std::vector<double> mass(prompt, 0.0);
    for (std::int64_t h = 0; h < 4; ++h)
      for (const auto& row : window_of(l, h, 8))
        for (std::size_t i = 0; i < prompt; ++i) mass[i] += row[i];
    REQUIRE(budgets[static_cast<std::size_t>(l)][0] == least_count(mass, 0.8));
  }
}

TEST_CASE("PyramidInfer: a layer is given the tokens that the one below keeps, fewer and fewer") {
  // A geometric series 0.8^l with mean 20.
  const double first = 20 * 5 * (1 - 0.8) / (1 - std::pow(0.8, 5));
  const auto budgets = budgets_of("{kind: pyramid_infer, tokens: 20, decay: 0.8}");
  std::int64_t sum = 0;
  for (std::size_t l = 0; l < 5; ++l) {
    const double expected = 1 + (first - 5 * (1 - 0.8) / (1 - std::pow(0.8, 5))) *
                                    std::pow(0.8, static_cast<double>(l));
    INFO("layer " << l << ": " << budgets[l][0] << " for " << expected);
    REQUIRE(std::fabs(static_cast<double>(budgets[l][0]) - expected) <= 1);
    sum += budgets[l][0];
  }
  REQUIRE(sum == 100);
  // Layer 1's tokens are chosen among those that any head of layer 0 could have passed on.
  Walk how;
  how.steps = 0;
  walk(policy_of("{score: recency, budget: {kind: pyramid_infer, tokens: 20, decay: 0.8}}"),
       layers_trace, how, [&](const PolicyCache& cache, std::int64_t, const auto&) {
         for (std::int64_t l = 1; l < 5; ++l)
           REQUIRE(std::includes(
               cache.head(l - 1, 0).positions().begin(), cache.head(l - 1, 0).positions().end(),
               cache.head(l, 0).positions().begin(), cache.head(l, 0).positions().end()));
       });
}

}  // namespace terrace
