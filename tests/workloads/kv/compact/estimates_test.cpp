// SubGen's estimate against its algorithm written out and against what it estimates; policies of
// two precisions: every token there, and the bytes of both.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "sim/random.h"
#include "tests/workloads/kv/harness.h"

namespace terrace {
namespace {

constexpr std::int64_t dim = 8, gone = 40;

struct Gone {
  HeadCache cache{dim, 16};
  Verdict verdict;
  std::vector<float> query;
  Gone() {
    RandomStream random(5, "gone");
    for (std::int64_t t = 0; t < gone; ++t) {
      std::vector<float> row(2 * dim);
      for (float& x : row) x = static_cast<float>(random.normal());
      cache.append(static_cast<std::int32_t>(t), row.data(), row.data() + dim);
      verdict.go.push_back(static_cast<std::int32_t>(t));
    }
    for (std::int64_t c = 0; c < dim; ++c)
      query.push_back(static_cast<float>(random.normal() / std::sqrt(double{dim})));
  }
  double weight(std::int64_t t) const {
    double logit = 0;
    for (std::int64_t c = 0; c < dim; ++c)
      logit += double{query[static_cast<std::size_t>(c)]} * cache.keys().at(t, c);
    return std::exp(logit);
  }
};

struct Estimate {
  std::vector<float> numerator = std::vector<float>(dim, 0.0F);
  double denominator = 0;
};

Estimate estimate_of(Gone& from, const std::string& compact, std::uint64_t seed) {
  MemberContext context;
  context.shape.head_dim = dim;
  context.seed = seed;
  const auto member = policy_of("{compact: " + compact + "}").compact.make(context);
  std::vector<std::int32_t> survivors;
  member->compact(from.cache, from.verdict, survivors);
  REQUIRE(survivors.empty());
  REQUIRE(member->has_residue());
  Estimate e;
  member->residue(from.query.data(), 0, e.numerator.data(), e.denominator);
  return e;
}

}  // namespace

TEST_CASE("SubGen: a cluster opens beyond the radius; samples and pairs are drawn as they come") {
  Gone from;
  const Estimate e =
      estimate_of(from, "{kind: key_clusters, radius: 3, clusters: 20, samples: 3, values: 10}", 9);
  RandomStream stream(9, "compact.key_clusters");
  struct Cluster {
    std::int64_t centre, count;
    std::vector<std::int64_t> samples;
  };
  std::vector<Cluster> clusters;
  std::vector<std::int64_t> pairs;
  double squares = 0;
  const auto square = [&](std::int64_t t) {
    double sum = 0;
    for (std::int64_t c = 0; c < dim; ++c)
      sum += double{from.cache.values().at(t, c)} * from.cache.values().at(t, c);
    return sum;
  };
  for (std::int64_t t = 0; t < gone; ++t) {
    std::size_t nearest = 0;
    double least = 1e9;
    for (std::size_t i = 0; i < clusters.size(); ++i) {
      double d = 0;
      for (std::int64_t c = 0; c < dim; ++c)
        d += std::pow(
            double{from.cache.keys().at(t, c)} - from.cache.keys().at(clusters[i].centre, c), 2);
      if (std::sqrt(d) < least) least = std::sqrt(d), nearest = i;
    }
    if (least > 3 && clusters.size() < 20) {
      clusters.push_back({t, 1, {t, t, t}});
    } else {
      ++clusters[nearest].count;
      for (std::int64_t& s : clusters[nearest].samples)
        if (stream.uniform() < 1 / static_cast<double>(clusters[nearest].count)) s = t;
    }
    squares += square(t);
    if (pairs.empty()) pairs.assign(10, t);
    for (std::int64_t& p : pairs)
      if (stream.uniform() < square(t) / squares) p = t;
  }
  REQUIRE(clusters.size() > 3);
  REQUIRE(clusters.size() < gone);
  double denominator = 0;
  for (const Cluster& c : clusters)
    for (const std::int64_t s : c.samples)
      denominator += static_cast<double>(c.count) / 3 * from.weight(s);
  REQUIRE(e.denominator == Approx(denominator));
  for (std::int64_t c = 0; c < dim; ++c) {
    double sum = 0;
    for (const std::int64_t p : pairs)
      sum += squares / (10 * square(p)) * from.weight(p) * from.cache.values().at(p, c);
    REQUIRE(e.numerator[static_cast<std::size_t>(c)] == Approx(sum).margin(1e-4));
  }
}

TEST_CASE(
    "SubGen's sums are those of all that went: exactly with a cluster each, else on average") {
  Gone from;
  double denominator = 0, first = 0;
  for (std::int64_t t = 0; t < gone; ++t) {
    denominator += from.weight(t);
    first += from.weight(t) * from.cache.values().at(t, 0);
  }
  const Estimate exact =
      estimate_of(from, "{kind: key_clusters, radius: 0, clusters: 40, samples: 1}", 1);
  REQUIRE(exact.denominator == Approx(denominator));
  // Means of 400 draws, within 4 standard errors.
  const int draws = 400;
  double sum[2] = {0, 0}, squares[2] = {0, 0};
  for (int i = 0; i < draws; ++i) {
    const Estimate e =
        estimate_of(from, "{kind: key_clusters, radius: 4, clusters: 8, samples: 4, values: 16}",
                    static_cast<std::uint64_t>(100 + i));
    const double x[2] = {e.denominator, e.numerator[0]};
    for (int k = 0; k < 2; ++k) sum[k] += x[k], squares[k] += x[k] * x[k];
  }
  const double truth[2] = {denominator, first};
  for (int k = 0; k < 2; ++k) {
    const double mean = sum[k] / draws;
    const double error = std::sqrt((squares[k] / draws - mean * mean) / draws);
    INFO("mean " << mean << " +- " << error << " for " << truth[k]);
    REQUIRE(std::fabs(mean - truth[k]) <= 4 * error);
  }
}

TEST_CASE("ZipCache and ZipVL lose no token: important ones in 4 bits, the others in 2") {
  const RandomTrace trace(81, {120, 3, 4, 2, 32, 16, true});
  for (const char* name : {"zip_cache", "zip_vl"}) {
    Walk how;
    how.prompt = 100;
    how.steps = 0;
    std::int64_t demoted = 0;
    walk(preset(name), trace, how, [&](const PolicyCache& cache, std::int64_t, const auto&) {
      for (std::int64_t l = 0; l < 3; ++l) {
        const HeadCache& head = cache.head(l, 0);
        REQUIRE(head.size() == 100);
        const auto low =
            static_cast<double>(std::count(head.levels().begin(), head.levels().end(), 1));
        REQUIRE(100 - low == static_cast<double>(cache.budget(l, 0)));
        // Values: codes, and a step and a zero of 16 bits each.
        REQUIRE(head.bits(HeadCache::value) == (100 - low) * (32 * 4 + 32) + low * (32 * 2 + 32));
        demoted += static_cast<std::int64_t>(low);
      }
    });
    INFO(name << " demoted " << demoted);
    REQUIRE(demoted > 10);
    if (std::string(name) == "zip_cache") REQUIRE(demoted == 3 * 40);  // 60 % are salient
  }
}

TEST_CASE("four times the tokens at a quarter of the bits take the same bytes but for the steps") {
  const RandomTrace trace(82, {640, 1, 2, 1, 32, 16, true});
  const auto bits_of = [&](const char* name) {
    Walk how;
    how.prompt = 640;
    how.steps = 0;
    double bits = 0;
    walk(preset(name), trace, how, [&](const PolicyCache& cache, std::int64_t, const auto&) {
      bits = cache.bits().keys + cache.bits().values;
    });
    return bits;
  };
  // 128 tokens of 2 x 32 numbers of 16 bits; 512 of 4 + 32 / 32, but 32 raw values.
  REQUIRE(bits_of("snapkv") == 128 * 2 * 32 * 16);
  REQUIRE(bits_of("quantized_pruning") == 512 * 32 * 5 + 480 * 32 * 5 + 32 * 32 * 16);
}

}  // namespace terrace
