// Scores that look at keys and values and at no attention, against their definitions written out.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <set>

#include "sim/random.h"
#include "tests/workloads/kv/harness.h"

namespace terrace {
namespace {

const RandomTrace trace(42);

// Eigenvectors of a symmetric matrix by Jacobi rotations; returns that of the largest eigenvalue.
std::vector<double> largest_eigenvector(std::vector<std::vector<double>> a) {
  const std::size_t n = a.size();
  std::vector<std::vector<double>> v(n, std::vector<double>(n, 0.0));
  for (std::size_t i = 0; i < n; ++i) v[i][i] = 1;
  for (int sweep = 0; sweep < 60; ++sweep)
    for (std::size_t p = 0; p < n; ++p)
      for (std::size_t q = p + 1; q < n; ++q) {
        if (std::fabs(a[p][q]) < 1e-300) continue;
        const double theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
        const double t =
            (theta < 0 ? -1.0 : 1.0) / (std::fabs(theta) + std::sqrt(theta * theta + 1));
        const double c = 1 / std::sqrt(t * t + 1), s = t * c;
        for (std::size_t k = 0; k < n; ++k) {
          const double x = a[k][p], y = a[k][q];
          a[k][p] = c * x - s * y;
          a[k][q] = s * x + c * y;
        }
        for (std::size_t k = 0; k < n; ++k) {
          const double x = a[p][k], y = a[q][k];
          a[p][k] = c * x - s * y;
          a[q][k] = s * x + c * y;
          const double f = v[k][p], g = v[k][q];
          v[k][p] = c * f - s * g;
          v[k][q] = s * f + c * g;
        }
      }
  std::size_t best = 0;
  for (std::size_t i = 1; i < n; ++i)
    if (a[i][i] > a[best][best]) best = i;
  std::vector<double> x;
  for (std::size_t k = 0; k < n; ++k) x.push_back(v[k][best]);
  return x;
}

struct Along : LiteralScore {
  RowsView k;
  std::vector<double> filter;
  double score(std::int32_t p, const std::vector<std::int32_t>&) override {
    double sum = 0;
    for (std::size_t c = 0; c < filter.size(); ++c)
      sum += filter[c] * k.at(p, static_cast<std::int64_t>(c));
    return sum;
  }
};

struct Hamming : LiteralScore {
  std::int64_t layer = 0, head = 0, now = 0;
  std::vector<std::vector<double>> projections;
  void attended(std::int64_t query, bool, const std::vector<std::int32_t>&,
                const std::vector<double>&) override {
    now = query;
  }
  double score(std::int32_t p, const std::vector<std::int32_t>&) override {
    const TraceTensors t = trace.layer(layer);
    const auto sign = [](const std::vector<double>& w, const float* x) {
      double sum = 0;
      for (std::size_t c = 0; c < w.size(); ++c) sum += w[c] * x[c];
      return sum > 0;
    };
    int apart = 0;
    for (const auto& w : projections)
      for (const std::int64_t query_head : {2 * head, 2 * head + 1})
        apart += sign(w, t.q[static_cast<std::size_t>(query_head)].row(now)) !=
                         sign(w, t.k[static_cast<std::size_t>(head)].row(p))
                     ? 1
                     : 0;
    return -apart;
  }
};

// Ranks of stretches of 16 tokens after 4 sinks, each judged when the next one is complete.
struct Lag : LiteralScore {
  RowsView k, v;
  std::set<std::int32_t> held;
  std::vector<double> rank = std::vector<double>(96, 2.0);
  void attended(std::int64_t query, bool, const std::vector<std::int32_t>& at,
                const std::vector<double>&) override {
    for (std::int32_t first = 4; first + 31 <= query; first += 16) {
      if (first + 31 != query) continue;
      std::vector<std::int32_t> own, next;
      for (const std::int32_t p : at) {
        if (p >= first && p < first + 16) own.push_back(p);
        if (p >= first + 16 && p < first + 32) next.push_back(p);
      }
      if (own.empty() || next.empty()) continue;
      std::vector<double> sum(own.size(), 0.0);
      for (const RowsView* x : {&k, &v}) {
        std::vector<double> e;
        double total = 0;
        for (const std::int32_t p : own) {
          std::vector<double> scaled;
          for (std::int64_t c = 0; c < x->cols; ++c) {
            double low = 1e30, high = -1e30;
            for (const std::int32_t other : next) {
              low = std::min<double>(low, x->at(other, c));
              high = std::max<double>(high, x->at(other, c));
            }
            scaled.push_back(high > low ? (x->at(p, c) - low) / (high - low) : 0);
          }
          double mean = 0, square = 0;
          for (const double y : scaled) mean += y / 16;
          for (const double y : scaled) square += (y - mean) * (y - mean);
          e.push_back(std::exp(std::sqrt(square / 15)));
          total += e.back();
        }
        for (std::size_t i = 0; i < e.size(); ++i) sum[i] += e[i] / total;
      }
      for (std::size_t i = 0; i < own.size(); ++i) {
        double below = 0;
        for (const double other : sum) below += other < sum[i] ? 1 : 0;
        rank[static_cast<std::size_t>(own[i])] = below / static_cast<double>(own.size());
      }
    }
  }
  double score(std::int32_t p, const std::vector<std::int32_t>&) override {
    return rank[static_cast<std::size_t>(p)];
  }
};

}  // namespace

TEST_CASE("keys stay that lie along the first singular vector of the queries (Q-Filters)") {
  const RandomTrace captured(43, {400, 2, 4, 2, 16, 24, true});
  Walk how;
  how.calibration = &captured;
  require_literal_eviction(
      "{score: query_direction, budget: {kind: uniform, tokens: 20}}", trace,
      [&](std::int64_t layer, std::int64_t head) {
        auto score = std::make_unique<Along>();
        score->k = trace.layer(layer).k[static_cast<std::size_t>(head)];
        score->filter.assign(16, 0.0);
        for (const std::int64_t query_head : {2 * head, 2 * head + 1}) {
          const RowsView q = captured.layer(layer).q[static_cast<std::size_t>(query_head)];
          std::vector<std::vector<double>> gram(16, std::vector<double>(16, 0.0));
          for (std::int64_t t = 0; t < q.rows; ++t)
            for (std::size_t i = 0; i < 16; ++i)
              for (std::size_t j = 0; j < 16; ++j)
                gram[i][j] += static_cast<double>(q.at(t, static_cast<std::int64_t>(i))) *
                              q.at(t, static_cast<std::int64_t>(j));
          std::vector<double> u = largest_eigenvector(gram);
          double along = 0;  // most queries lie along it, not against
          for (std::int64_t t = 0; t < q.rows; ++t)
            for (std::size_t i = 0; i < 16; ++i)
              along += u[i] * q.at(t, static_cast<std::int64_t>(i));
          for (std::size_t i = 0; i < 16; ++i) score->filter[i] += (along < 0 ? -u[i] : u[i]) / 2;
        }
        return score;
      },
      how);
}

TEST_CASE("without a captured text there are no query directions, and it is said") {
  REQUIRE_THROWS_AS(walk(policy_of("{score: query_direction}"), trace, {},
                         [](const PolicyCache&, std::int64_t, const auto&) {}),
                    BuildError);
}

TEST_CASE(
    "the key whose signs of random projections differ most from the query's goes (HashEvict)") {
  const auto make = [](std::int64_t layer, std::int64_t head) {
    auto score = std::make_unique<Hamming>();
    score->layer = layer;
    score->head = head;
    RandomStream stream(mix_bits(mix_bits(7, static_cast<std::uint64_t>(layer * 2 + head)), 3),
                        "score.hash_distance");
    for (int b = 0; b < 12; ++b) {
      score->projections.emplace_back();
      for (int c = 0; c < 16; ++c)
        score->projections.back().push_back(static_cast<float>(stream.normal()));
    }
    return score;
  };
  const std::string yaml =
      "{score: {kind: hash_distance, bits: 12}, budget: {kind: uniform, tokens: 20}, "
      "protect: {sinks: 2, recent: 4}}";
  require_literal_eviction(yaml, trace, make);
  Walk how;
  how.chunk = 16;
  require_literal_eviction(yaml, trace, make, how);
}

TEST_CASE("tokens stay whose channels spread most, scaled by the next stretch's range (LagKV)") {
  const auto make = [](std::int64_t layer, std::int64_t head) {
    auto score = std::make_unique<Lag>();
    score->k = trace.layer(layer).k[static_cast<std::size_t>(head)];
    score->v = trace.layer(layer).v[static_cast<std::size_t>(head)];
    return score;
  };
  const std::string score =
      "{score: {kind: lag_relative, lag: 16, sinks: 4}, protect: {sinks: 4}, ";
  require_literal_eviction(score + "budget: {kind: uniform, share: 0.6}}", trace, make);
  Walk how;
  how.chunk = 4;
  require_literal_eviction(score + "budget: {kind: uniform, tokens: 44}}", trace, make, how);
}

}  // namespace terrace
