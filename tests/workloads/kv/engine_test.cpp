// How members work together: phases, classes, heads and layers together, positions in the cache,
// residues, cascades; and the same inside of a model.
#include <catch2/catch.hpp>
#include <cmath>

#include "tests/workloads/kv/harness.h"
#include "workloads/kv/policy_hook.h"

namespace terrace {
namespace {

// Dropped tokens stay in a list beside the entries and take part in attention as they were.
class Attic final : public KvCompact {
 public:
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  Attic(const Params&, const Context& context) : dim_(context.shape.head_dim) {}
  Work compact(HeadCache& cache, const Verdict& v, std::vector<std::int32_t>&) override {
    for (const std::int32_t slot : v.go) {
      keys_.emplace_back(cache.keys().row(slot), cache.keys().row(slot) + dim_);
      values_.emplace_back(cache.values().row(slot), cache.values().row(slot) + dim_);
    }
    return {};
  }
  bool has_residue() const override { return !keys_.empty(); }
  double residue_shift(const float* q) const override {
    double most = -1e30;
    for (const auto& k : keys_) most = std::max(most, logit(q, k));
    return most;
  }
  void residue(const float* q, float shift, float* numerator, double& denominator) const override {
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      const double w = std::exp(logit(q, keys_[i]) - shift);
      denominator += w;
      for (std::int64_t c = 0; c < dim_; ++c)
        numerator[c] += static_cast<float>(w * values_[i][static_cast<std::size_t>(c)]);
    }
  }

 private:
  double logit(const float* q, const std::vector<float>& k) const {
    double sum = 0;
    for (std::int64_t c = 0; c < dim_; ++c)
      sum += static_cast<double>(q[c]) * k[static_cast<std::size_t>(c)];
    return sum;
  }
  std::int64_t dim_;
  std::vector<std::vector<float>> keys_, values_;
};
TERRACE_REGISTER(KvCompact, Attic, "attic", "test only: what was dropped still takes part");

// Splits a total over the layers that it has heard of, and lets fewer tokens through upwards.
class Cascade final : public KvBudget {
 public:
  struct Params {
    std::int64_t total = 60, through = 1000;
    static void fields(Schema<Params>& s) {
      s.field("total", &Params::total, "test");
      s.field("through", &Params::through, "test");
    }
  };
  Cascade(const Params& params, const Context&) : p_(params) {}
  void observed(std::int64_t layer, std::int64_t, const HeadChunk&, const HeadCache&,
                const float*) override {
    known_ = std::max(known_, layer + 1);
  }
  std::int64_t tokens(std::int64_t, std::int64_t, std::int64_t) override {
    return p_.total / std::max<std::int64_t>(1, known_);
  }
  std::int64_t propagated(std::int64_t layer, std::int64_t prompt) const override {
    return layer >= 1 ? std::min(prompt, p_.through) : prompt;
  }
  bool cascades() const override { return true; }

 private:
  Params p_;
  std::int64_t known_ = 0;
};
TERRACE_REGISTER(KvBudget, Cascade, "cascade_of_test", "test only: a total over layers");

const RandomTrace trace(31, {96, 3, 4, 2, 16, 24, true});

std::vector<std::int32_t> positions_after(const std::string& yaml, std::int64_t layer,
                                          std::int64_t head, const Walk& how = {}) {
  std::vector<std::int32_t> last;
  walk(policy_of(yaml), trace, how, [&](const PolicyCache& cache, std::int64_t, const auto&) {
    last = cache.head(layer, head).positions();
  });
  return last;
}

}  // namespace

TEST_CASE("whatever scores, a budget of 100 % is the full cache, bit for bit") {
  for (const char* score :
       {"random", "recency", "accumulated_attention", "observation_window", "l2_norm"})
    for (const char* more : {"", "compact: nearest_merge, ", "heads_together: true, ",
                             "positions: cache, ", "interval: 5, ", "decode: {score: l2_norm}, ",
                             "place: {kind: pages, page: 8, share: 1}, "}) {
      INFO(score << " " << more);
      require_identity(policy_of(std::string("{") + more + "score: " + score + "}"), trace);
      Walk chunks;
      chunks.chunk = 24;
      require_identity(policy_of(std::string("{") + more + "score: " + score + "}"), trace, chunks);
    }
}

TEST_CASE("the prompt's tokens and the generated ones have budgets of their own") {
  // SCOPE's two pools: 20 of the prompt stay for good, 10 of those generated since.
  const std::string yaml =
      "{score: accumulated_attention, budget: {kind: uniform, tokens: 20}, "
      "decode: {score: recency, budget: {kind: uniform, tokens: 10}}}";
  const auto kept = positions_after(yaml, 1, 0);
  Walk prompt;
  prompt.steps = 0;
  auto expected = positions_after(yaml, 1, 0, prompt);
  REQUIRE(expected.size() == 20);
  for (std::int32_t p = 86; p < 96; ++p) expected.push_back(p);
  REQUIRE(kept == expected);
}

TEST_CASE("an interval lets tokens wait, and never more than that many") {
  std::vector<std::int64_t> sizes;
  walk(policy_of("{score: recency, budget: {kind: uniform, tokens: 20}, interval: 4}"), trace, {},
       [&](const PolicyCache& cache, std::int64_t, const auto&) {
         sizes.push_back(cache.head(0, 0).size());
       });
  REQUIRE(std::vector<std::int64_t>(sizes.begin(), sizes.begin() + 6) ==
          std::vector<std::int64_t>{20, 21, 22, 23, 20, 21});
}

TEST_CASE("the end of a turn makes room without waiting for the interval") {
  CacheSetup setup;
  setup.shape = trace.shape();
  PolicyCache cache(
      policy_of("{score: recency, budget: {kind: uniform, tokens: 20}, interval: 100}"), setup);
  TraceTokens tokens;
  for (std::int64_t t = 0; t < 30; ++t)
    for (std::int64_t l = 0; l < 3; ++l)
      cache.attend(tokens.at(trace, trace.layer(l), l, t, 1), Phase::decode, false, nullptr);
  REQUIRE(cache.head(2, 1).size() == 30);
  cache.end_turn();
  REQUIRE(cache.head(2, 1).size() == 20);
  REQUIRE(cache.head(2, 1).positions().front() == 10);
}

TEST_CASE("heads together keep the same tokens; layers together keep what their first one chose") {
  const std::string body = "score: accumulated_attention, budget: {kind: uniform, tokens: 20}";
  REQUIRE(positions_after("{" + body + "}", 0, 0) != positions_after("{" + body + "}", 0, 1));
  const std::string heads = "{heads_together: true, " + body + "}";
  REQUIRE(positions_after(heads, 0, 0) == positions_after(heads, 0, 1));
  const std::string layers = "{layers_together: 2, " + body + "}";
  REQUIRE(positions_after(layers, 0, 1) == positions_after(layers, 1, 1));
  REQUIRE(positions_after(layers, 0, 1) != positions_after(layers, 2, 1));
}

TEST_CASE("classes of layers have policies of their own") {
  const std::string yaml =
      "{score: recency, budget: {kind: uniform, tokens: 20}, classes: {kind: by_layer, first: 1, "
      "last: 1, name: edge}, of_class: {edge: {score: recency, budget: {kind: uniform, tokens: "
      "30}}}}";
  REQUIRE(positions_after(yaml, 0, 0).size() == 30);
  REQUIRE(positions_after(yaml, 1, 0).size() == 20);
  REQUIRE(positions_after(yaml, 2, 1).size() == 30);
  REQUIRE_THROWS_AS(positions_after("{classes: {kind: by_layer, first: 1, name: other}, of_class: "
                                    "{edge: {}}}",
                                    0, 0),
                    BuildError);
}

TEST_CASE("a cascade shrinks the lower layers as the upper ones come; fewer tokens reach those") {
  Walk prompt;
  prompt.steps = 0;
  const std::string yaml = "{score: accumulated_attention, budget: cascade_of_test}";
  for (std::int64_t l = 0; l < 3; ++l) REQUIRE(positions_after(yaml, l, 0, prompt).size() == 20);
  // 30 of 64 tokens reach layers 1 and 2; a budget of 60 / 1 does not touch them.
  const std::string through =
      "{score: recency, budget: {kind: cascade_of_test, total: 3000, through: 30}}";
  REQUIRE(positions_after(through, 0, 0, prompt).size() == 64);
  for (std::int64_t l = 1; l < 3; ++l) {
    const auto kept = positions_after(through, l, 0, prompt);
    REQUIRE(kept.size() == 30);
    REQUIRE(kept.front() == 34);  // recency: the last 30
  }
}

TEST_CASE("keys placed by the cache are as far apart as their slots") {
  // StreamingLLM: 4 sinks and 16 recent tokens, rotated as if they stood side by side.
  const KvPolicy policy = policy_of(
      "{score: recency, budget: {kind: uniform, tokens: 20}, protect: {sinks: 4}, positions: "
      "cache}");
  const KvShape& s = trace.shape();
  const auto turned = [&](const float* row, std::int64_t delta) {
    std::vector<double> x(row, row + s.head_dim);
    const auto& f = s.rope.frequencies();
    for (std::size_t i = 0; i < f.size(); ++i) {
      const double c = std::cos(f[i] * static_cast<double>(delta));
      const double si = std::sin(f[i] * static_cast<double>(delta));
      const double a = x[i], b = x[i + f.size()];
      x[i] = a * c - b * si;
      x[i + f.size()] = a * si + b * c;
    }
    return x;
  };
  walk(policy, trace, {}, [&](const PolicyCache&, std::int64_t seen, const auto& outputs) {
    if (outputs.empty()) return;
    const std::int64_t now = seen - 1;
    std::vector<std::int64_t> at = {0, 1, 2, 3};  // in the cache when the step attends
    for (std::int64_t p = now - 16; p <= now; ++p) at.push_back(p);
    const TraceTensors t = trace.layer(1);
    const auto q = turned(t.q[0].row(now), static_cast<std::int64_t>(at.size()) - 1 - now);
    std::vector<double> p;
    double sum = 0;
    for (std::size_t j = 0; j < at.size(); ++j) {
      const auto k = turned(t.k[0].row(at[j]), static_cast<std::int64_t>(j) - at[j]);
      double logit = 0;
      for (std::size_t c = 0; c < k.size(); ++c) logit += q[c] * k[c];
      sum += std::exp(logit * s.scale);
      p.push_back(std::exp(logit * s.scale));
    }
    for (std::int64_t c = 0; c < s.head_dim; ++c) {
      double expected = 0;
      for (std::size_t j = 0; j < at.size(); ++j) expected += p[j] / sum * t.v[0].at(at[j], c);
      REQUIRE(outputs[1][static_cast<std::size_t>(c)] == Approx(expected).margin(1e-4));
    }
  });
}

TEST_CASE("what a compaction holds beside the entries takes part in attention") {
  const KvPolicy policy =
      policy_of("{score: recency, budget: {kind: uniform, tokens: 20}, compact: attic}");
  std::vector<std::int32_t> all;
  walk(policy, trace, {}, [&](const PolicyCache&, std::int64_t seen, const auto& outputs) {
    if (outputs.empty()) return;
    all.clear();
    for (std::int32_t p = 0; p < seen; ++p) all.push_back(p);
    const auto expected = slow_output(trace, 2, 3, seen - 1, all);  // nothing is missing
    for (std::int64_t c = 0; c < 16; ++c)
      REQUIRE(outputs[2][static_cast<std::size_t>(3 * 16 + c)] ==
              Approx(expected[static_cast<std::size_t>(c)]).margin(1e-4));
  });
}

TEST_CASE("inside of a model the policy is the same object: hook and trace agree") {
  const KvPolicy policy = policy_of("{score: recency, budget: {kind: uniform, tokens: 20}}");
  AttentionModel model;
  model.shape = trace.shape();
  PolicyHook hook(policy, 64, 7);
  hook.begin(model);
  std::vector<std::vector<std::vector<float>>> expected;
  walk(policy, trace, {},
       [&](const PolicyCache&, std::int64_t, const auto& outputs) { expected.push_back(outputs); });
  TraceTokens tokens;
  std::vector<float> out(64 * 4 * 16);
  for (std::int64_t l = 0; l < 3; ++l)
    hook.attend(tokens.at(trace, trace.layer(l), l, 0, 64), out.data());
  // The prompt itself attends to the full cache.
  std::vector<std::int32_t> all;
  for (std::int32_t p = 0; p < 41; ++p) all.push_back(p);
  const auto slow = slow_output(trace, 2, 1, 40, all);
  for (std::size_t c = 0; c < 16; ++c)
    REQUIRE(out[(40 * 4 + 1) * 16 + c] == Approx(slow[c]).margin(1e-4));
  for (std::int64_t t = 64; t < 96; ++t)
    for (std::int64_t l = 0; l < 3; ++l) {
      hook.attend(tokens.at(trace, trace.layer(l), l, t, 1), out.data());
      const auto& same = expected[static_cast<std::size_t>(t - 63)][static_cast<std::size_t>(l)];
      REQUIRE(std::equal(same.begin(), same.end(), out.begin()));
    }
}

TEST_CASE("mistakes of a policy name their key") {
  const auto text = [](const std::string& yaml) {
    try {
      policy_of(yaml);
    } catch (const ConfigError& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  REQUIRE(text("{score: h2o}").find("score: ") != std::string::npos);
  REQUIRE(text("{budget: {kind: uniform, tokens: 0}}").find("budget.tokens") != std::string::npos);
  REQUIRE(text("{budget: {kind: uniform, tokens: 9, share: 0.5}}").find("budget.share") !=
          std::string::npos);
  REQUIRE(text("{budget: {kind: uniform, tokens: 8}, protect: {recent: 9}}").find("fewer") !=
          std::string::npos);
  REQUIRE(text("{of_class: {edge: {}}}").find("classes") != std::string::npos);
  REQUIRE(text("{score: {kind: observation_window, kernel: 4}}").find("odd") != std::string::npos);
}

}  // namespace terrace
