// Budgets that weigh heads, and classes of heads found on a captured text.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <functional>

#include "tests/workloads/kv/harness.h"

namespace terrace {
namespace {

const RandomTrace heads_trace(61, {96, 3, 4, 2, 16, 24, true});

// What profiles look at: 48 positions, every one of the second half.
std::vector<double> by_head(
    const std::function<double(std::int64_t layer, std::int64_t head, std::int64_t at)>& of) {
  std::vector<double> measure(6, 0.0);
  for (std::int64_t l = 0; l < 3; ++l)
    for (std::int64_t h = 0; h < 4; ++h)
      for (std::int64_t at = 48; at < 96; ++at)
        measure[static_cast<std::size_t>(l * 2 + h / 2)] += of(l, h, at) / (2 * 48);
  return measure;
}

double far_mass(std::int64_t l, std::int64_t h, std::int64_t at) {
  std::vector<std::int32_t> over;
  for (std::int32_t j = 0; j <= at; ++j) over.push_back(j);
  const auto p = slow_attention(heads_trace, l, h, at, over);
  double far = 0;
  for (std::int64_t j = 4; j <= at - 8; ++j) far += p[static_cast<std::size_t>(j)];
  return far;
}

// Head 1 of layer 1 looks for the token a period before, head 0 of layer 0 for the one after it.
class Repeats final : public AttentionTrace {
 public:
  Repeats() : like_(77, {96, 2, 2, 2, 16, 24, true}) {
    for (std::int64_t l = 0; l < 2; ++l)
      for (std::int64_t h = 0; h < 2; ++h) {
        const TraceTensors t = like_.layer(l);
        const RowsView k = t.k[static_cast<std::size_t>(h)], q = t.q[static_cast<std::size_t>(h)];
        std::vector<float> rows(q.data, q.data + q.rows * q.cols);
        for (std::int64_t at = 24; at < 96; ++at)
          for (std::int64_t c = 0; c < 16; ++c) {
            if (l == 1 && h == 1)
              rows[static_cast<std::size_t>(at * 16 + c)] = 4 * k.at(at - 24, c);
            if (l == 0 && h == 0)
              rows[static_cast<std::size_t>(at * 16 + c)] = 4 * k.at(at - 23, c);
          }
        queries_.push_back(rows);
      }
  }
  const KvShape& shape() const override { return like_.shape(); }
  std::int64_t tokens() const override { return 96; }
  TraceTensors layer(std::int64_t l) const override {
    TraceTensors t = like_.layer(l);
    for (std::size_t h = 0; h < 2; ++h)
      t.q[h].data = queries_[static_cast<std::size_t>(l) * 2 + h].data();
    return t;
  }

 private:
  RandomTrace like_;
  std::vector<std::vector<float>> queries_;
};

std::vector<std::string> classes_of(const std::string& yaml, const AttentionTrace& trace) {
  MemberContext context;
  context.shape = trace.shape();
  context.calibration = &trace;
  const auto classes = policy_of("{classes: " + yaml + "}").classes.make(context);
  std::vector<std::string> names;
  for (std::int64_t l = 0; l < context.shape.layers; ++l)
    for (std::int64_t h = 0; h < context.shape.kv_heads; ++h) names.push_back(classes->of(l, h));
  return names;
}

}  // namespace

TEST_CASE("Ada-KV: a layer's heads get what their tokens win among all, above a floor") {
  const double mean = 16, floor = 4;
  for (std::int64_t l = 0; l < 3; ++l) {
    std::vector<std::pair<double, std::size_t>> all;
    for (std::size_t h = 0; h < 2; ++h)
      for (std::int64_t t = 0; t < 64; ++t) {
        double square = 0;
        const float* k = heads_trace.layer(l).k[h].row(t);
        for (std::int64_t c = 0; c < 16; ++c) square += double{k[c]} * k[c];
        all.emplace_back(-square, h);
      }
    std::sort(all.rbegin(), all.rend());
    double won[2] = {0, 0};
    for (std::size_t i = 0; i < 32; ++i) won[all[i].second] += 1;
    Walk how;
    how.steps = 0;
    walk(policy_of("{score: l2_norm, budget: {kind: ada, tokens: 16, floor: 0.25}}"), heads_trace,
         how, [&](const PolicyCache& cache, std::int64_t, const auto&) {
           for (std::int64_t h = 0; h < 2; ++h) {
             const double expected = floor + (2 * mean - 2 * floor) * won[h] / 32;
             INFO("layer " << l << " head " << h << " won " << won[h] << ", wants " << expected);
             REQUIRE(std::fabs(static_cast<double>(cache.budget(l, h)) - expected) <= 1);
             REQUIRE(cache.head(l, h).size() == cache.budget(l, h));
           }
           REQUIRE(cache.budget(l, 0) + cache.budget(l, 1) == 32);
         });
  }
}

TEST_CASE("Ada-KV: the window is every head's own and does not compete") {
  // Recency scores: the last 8 of each head would win nearly all. Apart, both heads win the same of
  // what comes before, and each has the window and half of the rest.
  Walk how;
  how.steps = 0;
  walk(policy_of("{score: recency, budget: {kind: ada, tokens: 16, floor: 0.5, apart: 8}, "
                 "protect: {recent: 8}}"),
       heads_trace, how, [&](const PolicyCache& cache, std::int64_t, const auto&) {
         for (std::int64_t l = 0; l < 3; ++l) {
           REQUIRE(cache.budget(l, 0) + cache.budget(l, 1) == 32);
           for (std::int64_t h = 0; h < 2; ++h) REQUIRE(cache.budget(l, h) >= 8 + 4);
         }
       });
}

TEST_CASE("HeadKV: b (1 - 1/beta) for every head, b/beta in a pool for those that retrieve") {
  const std::vector<double> far = by_head(far_mass);
  double sum = 0;
  for (const double x : far) sum += x;
  Walk how;
  how.steps = 0;
  how.calibration = &heads_trace;
  std::int64_t whole = 0;
  walk(policy_of("{score: recency, budget: {kind: head_importance, tokens: 24, beta: 1.2}}"),
       heads_trace, how, [&](const PolicyCache& cache, std::int64_t, const auto&) {
         for (std::size_t i = 0; i < 6; ++i) {
           const std::int64_t tokens =
               cache.budget(static_cast<std::int64_t>(i / 2), static_cast<std::int64_t>(i % 2));
           const double expected = 4 + (24 - 4) * 6 * far[i] / sum;  // 24 (1 - 1/1.2) = 4
           INFO("head " << i << " far " << far[i] << ": " << tokens << " for " << expected);
           REQUIRE(std::fabs(static_cast<double>(tokens) - expected) <= 1);
           whole += tokens;
         }
       });
  REQUIRE(whole == 6 * 24);
}

TEST_CASE("DuoAttention's stand-in: heads whose output suffers most from streaming keep all") {
  std::vector<double> difference(12, 0), reference(12, 0), error(6, 0);
  for (std::int64_t l = 0; l < 3; ++l)
    for (std::int64_t h = 0; h < 4; ++h)
      for (std::int64_t at = 48; at < 96; ++at) {
        std::vector<std::int32_t> all, near;
        for (std::int32_t j = 0; j <= at; ++j) {
          all.push_back(j);
          if (j < 2 || j > at - 12) near.push_back(j);
        }
        const auto y = slow_output(heads_trace, l, h, at, all);
        const auto z = slow_output(heads_trace, l, h, at, near);
        for (std::size_t c = 0; c < y.size(); ++c) {
          difference[static_cast<std::size_t>(l * 4 + h)] += (y[c] - z[c]) * (y[c] - z[c]);
          reference[static_cast<std::size_t>(l * 4 + h)] += y[c] * y[c];
        }
      }
  for (std::size_t h = 0; h < 12; ++h) error[h / 2] += difference[h] / reference[h] / 2;
  const auto names =
      classes_of("{kind: streaming_gate, share: 0.5, sinks: 2, recent: 12}", heads_trace);
  std::vector<double> sorted = error;
  std::sort(sorted.rbegin(), sorted.rend());
  for (std::size_t i = 0; i < 6; ++i) {
    INFO("head " << i << " error " << error[i]);
    REQUIRE(names[i] == (error[i] >= sorted[2] ? "retrieval" : ""));
  }
}

TEST_CASE("RazorAttention: echo and induction heads stand out on a text that repeats") {
  REQUIRE(classes_of("{kind: retrieval_heads, share: 0.5, period: 24}", Repeats()) ==
          std::vector<std::string>{"retrieval", "", "", "retrieval"});
  const std::vector<double> far = by_head(far_mass);
  const auto names =
      classes_of("{kind: retrieval_heads, share: 0.3, sinks: 4, recent: 8}", heads_trace);
  std::vector<double> sorted = far;
  std::sort(sorted.rbegin(), sorted.rend());
  for (std::size_t i = 0; i < 6; ++i)  // 0.3 x 6, rounded up: two
    REQUIRE(names[i] == (far[i] >= sorted[1] ? "retrieval" : ""));
  REQUIRE_THROWS_AS(classes_of("{kind: retrieval_heads, period: 60}", heads_trace), BuildError);
}

TEST_CASE(
    "FastGen: the cheapest of special, punctuation, frequent, recent that recovers attention") {
  RandomTrace text(62, {96, 3, 4, 2, 16, 24, true});
  for (std::size_t t = 0; t < 96; ++t)
    text.tags()[t] = t < 2 ? token_tag::special : t % 5 == 0 ? token_tag::punctuation : 0;
  for (const int percent : {10, 35, 60, 80, 97}) {
    Walk how;
    how.steps = 0;
    walk(policy_of("{score: {kind: fast_gen, frequent: 0.3, recent: 0.3}, budget: {kind: fast_gen, "
                   "share: " +
                   std::to_string(percent / 100.0) + "}}"),
         text, how, [&](const PolicyCache& cache, std::int64_t, const auto&) {
           for (std::int64_t l = 0; l < 3; ++l)
             for (std::int64_t kv = 0; kv < 2; ++kv) {
               std::vector<double> mass(64, 0.0);
               std::vector<std::int32_t> over;
               for (std::int32_t t = 0; t < 64; ++t) {
                 over.push_back(t);
                 for (const std::int64_t h : {2 * kv, 2 * kv + 1}) {
                   const auto p = slow_attention(text, l, h, t, over);
                   for (std::size_t i = 0; i < p.size(); ++i) mass[i] += p[i] / 128;
                 }
               }
               std::vector<double> sorted = mass;
               std::sort(sorted.rbegin(), sorted.rend());
               // Sets grow: which is the first that recovers enough?
               std::vector<std::int32_t> kept;
               for (int policy = 4; policy >= 0; --policy) {
                 kept.clear();
                 double recovered = 0;
                 for (std::int32_t t = 0; t < 64; ++t) {
                   const auto i = static_cast<std::size_t>(t);
                   const bool in = policy == 0 || t < 2 || (policy <= 3 && t % 5 == 0) ||
                                   (policy <= 2 && mass[i] >= sorted[19 - 1]) ||
                                   (policy <= 1 && t >= 64 - 19);
                   if (!in) continue;
                   kept.push_back(t);
                   recovered += mass[i];
                 }
                 if (recovered >= percent / 100.0) break;
               }
               INFO(percent << " %, layer " << l << " head " << kv);
               REQUIRE(cache.head(l, kv).positions() == kept);
             }
         });
  }
}

}  // namespace terrace
