// Length distributions against their definitions, and the fitted ones against their traces.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <map>

#include "tests/workloads/requests/requests_from.h"
#include "workloads/requests/lengths/length_distribution.h"
#include "workloads/requests/lengths/request_lengths.h"

namespace terrace {
namespace {

using Pairs = std::vector<RequestLengths::Pair>;

Pairs draws(const std::string& yaml, int n, std::uint64_t seed = 1) {
  const auto lengths = test::from_yaml<RequestLengths>(yaml);
  RandomStream random(seed, "draws");
  Pairs all;
  for (int i = 0; i < n; ++i) all.push_back(lengths->draw(random));
  return all;
}

std::vector<double> sorted(const Pairs& pairs, std::int64_t RequestLengths::Pair::*which) {
  std::vector<double> all;
  for (const auto& pair : pairs) all.push_back(static_cast<double>(pair.*which));
  std::sort(all.begin(), all.end());
  return all;
}

// Largest distance of two sorted samples' CDFs.
double ks(const std::vector<double>& a, const std::vector<double>& b) {
  double worst = 0;
  for (std::size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    const double x = std::min(a[i], b[j]);
    while (i < a.size() && a[i] == x) ++i;
    while (j < b.size() && b[j] == x) ++j;
    worst = std::max(worst, std::fabs(static_cast<double>(i) / static_cast<double>(a.size()) -
                                      static_cast<double>(j) / static_cast<double>(b.size())));
  }
  return worst;
}

double mean(const std::vector<double>& x) {
  double sum = 0;
  for (const double each : x) sum += each;
  return sum / static_cast<double>(x.size());
}

std::vector<double> ranks(const Pairs& pairs, std::int64_t RequestLengths::Pair::*which) {
  std::map<std::int64_t, double> count, rank;
  for (const auto& pair : pairs) ++count[pair.*which];
  double below = 0;
  for (const auto& [value, n] : count) {
    rank[value] = below + (n + 1) / 2;
    below += n;
  }
  std::vector<double> out;
  for (const auto& pair : pairs) out.push_back(rank[pair.*which]);
  return out;
}

double spearman(const Pairs& pairs) {
  const auto x = ranks(pairs, &RequestLengths::Pair::input);
  const auto y = ranks(pairs, &RequestLengths::Pair::output);
  const double m = mean(x);
  double xy = 0, xx = 0, yy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xy += (x[i] - m) * (y[i] - m);
    xx += (x[i] - m) * (x[i] - m);
    yy += (y[i] - m) * (y[i] - m);
  }
  return xy / std::sqrt(xx * yy);
}

}  // namespace

TEST_CASE("quantiles of the simple distributions are those of their formulas", "[lengths]") {
  const auto quantile = [](const std::string& yaml, double u) {
    return test::from_yaml<LengthDistribution>(yaml)->quantile(u);
  };
  CHECK(quantile("{kind: constant, tokens: 128}", 0.9) == 128);
  for (int n = 10; n <= 19; ++n)  // the tenth of u that belongs to n
    CHECK(quantile("{kind: uniform, low: 10, high: 19}", (n - 10 + 0.5) / 10) == n);
  CHECK(quantile("{kind: uniform, low: 10, high: 19}", 1 - 1e-16) == 19);
  CHECK(quantile("{kind: lognormal, median: 1000.5, sigma: 1}", 0.5) == 1001);
  // One sigma above the median: u = Phi(1) = 0.8413, length median e^sigma.
  CHECK(quantile("{kind: lognormal, median: 1000, sigma: 0.5}", 0.841344746) == 1649);
  const test::TemporaryFile file("h.csv", "tokens,count\n30,1\n10,2\n20,1\n");
  const std::string histogram = "{kind: empirical, file: " + file.path() + "}";
  for (const auto& [u, tokens] :
       {std::pair{0.01, 10}, {0.5, 10}, {0.51, 20}, {0.75, 20}, {0.76, 30}, {1 - 1e-16, 30}})
    CHECK(quantile(histogram, u) == tokens);
}

TEST_CASE("separate lengths have the rank correlation that is asked for", "[lengths]") {
  for (const double rho : {-0.8, 0.0, 0.3, 1.0}) {
    const double got =
        spearman(draws("{kind: separate, input: {kind: lognormal, median: 10000, sigma: 1}, "
                       "output: {kind: uniform, "
                       "low: 1, high: 1000000}, rank_correlation: " +
                           std::to_string(rho) + "}",
                       40'000));
    INFO("Spearman's rho " << got << " for " << rho << ", deviation " << got - rho);
    CHECK(std::fabs(got - rho) < 4 / std::sqrt(40'000.0));
  }
}

TEST_CASE("wrong lengths are told", "[lengths]") {
  const auto says = [](const std::string& yaml, const std::string& what) {
    CHECK_THROWS_WITH(test::from_yaml<LengthDistribution>(yaml), Catch::Contains(what));
  };
  says("{kind: constant, tokens: 0}", "between 1 and 1000000000");
  says("{kind: uniform, low: 9, high: 3}", "must not be below low");
  says("{kind: lognormal, median: 100, sigma: -1}", "is negative");
  const test::TemporaryFile none("h.csv", "tokens,count\n30,0\n");
  says("{kind: empirical, file: " + none.path() + "}", "nothing is counted");
  const test::TemporaryFile bad("h.csv", "tokens,count\n30,1\n0,2\n4,x\n5,-1\n");
  says("{kind: empirical, file: " + bad.path() + "}",
       "h.csv:3:1: column \"tokens\": 0 is out of range");
  says("{kind: empirical, file: " + bad.path() + "}",
       "h.csv:4:3: column \"count\": \"x\" is not a");
  says("{kind: empirical, file: " + bad.path() + "}",
       "h.csv:5:3: column \"count\": -1 is negative");
}

TEST_CASE("sampled lengths are rows of the table, each as likely", "[lengths]") {
  const test::TemporaryFile file("l.csv", "input_tokens,output_tokens\n1,10\n2,20\n3,30\n3,30\n");
  std::map<std::int64_t, int> count;
  for (const auto& pair : draws("{kind: sampled, file: " + file.path() + "}", 40'000)) {
    REQUIRE(pair.output == 10 * pair.input);
    ++count[pair.input];
  }
  // Binomial: 10,000 ± 4 sqrt(40,000 / 4 · 3 / 4) = 346; 20,000 ± 400
  CHECK(std::abs(count[1] - 10'000) < 346);
  CHECK(std::abs(count[2] - 10'000) < 346);
  CHECK(std::abs(count[3] - 20'000) < 400);
}

TEST_CASE("fitted lengths have the published mean of their trace", "[lengths]") {
  // Means of the traces as their publishers or the fit's head state them; the fits say within 2.1
  // %.
  const auto check = [](const std::string& kind, double input, double output) {
    const Pairs all = draws(kind, 400'000);
    const double in = mean(sorted(all, &RequestLengths::Pair::input));
    const double out = mean(sorted(all, &RequestLengths::Pair::output));
    INFO(kind << ": input " << in << " for " << input << " (" << 100 * (in / input - 1)
              << " %), output " << out << " for " << output << " (" << 100 * (out / output - 1)
              << " %)");
    CHECK(in == Approx(input).epsilon(0.03));
    CHECK(out == Approx(output).epsilon(0.015));
  };
  check("azure_conv", 1154.7, 211.1);
  check("mooncake_conversation", 12035, 343);
  check("sharegpt", 298.8, 323.7);
}

TEST_CASE("fitted lengths follow the very traces they were fitted to", "[lengths][shared]") {
  if (test::shared_is_absent()) return;
  const std::string data = test::shared_data();
  constexpr int n = 200'000;
  const auto check = [&](const std::string& kind, const Pairs& trace) {
    const Pairs fit = draws(kind, n);
    for (const auto which : {&RequestLengths::Pair::input, &RequestLengths::Pair::output}) {
      const auto a = sorted(trace, which), b = sorted(fit, which);
      const double distance = ks(a, b);
      INFO(kind << (which == &RequestLengths::Pair::input ? " input" : " output") << ": KS "
                << distance
                << ", stated 0.01, and sampling 1.95 / sqrt(n) = " << 1.95 / std::sqrt(n));
      CHECK(distance < 0.01 + 1.95 / std::sqrt(static_cast<double>(n)));
      for (const double p : {0.5, 0.9, 0.99}) {
        const double x = a[static_cast<std::size_t>(p * static_cast<double>(a.size()))];
        const double y = b[static_cast<std::size_t>(p * n)];
        INFO("quantile " << p << ": trace " << x << ", fit " << y);
        CHECK(y == Approx(x).epsilon(0.08));
      }
    }
    const double rho = spearman(trace), got = spearman(fit);
    INFO(kind << ": Spearman's rho " << got << ", trace " << rho);
    CHECK(got == Approx(rho).margin(0.02));
  };
  const auto replayed = [&](const std::string& kind, const std::string& file) {
    Pairs pairs;
    const auto source = test::source("{kind: " + kind + ", file: " + data + "traces/" + file + "}");
    for (const Request& r : test::drain(*source))
      pairs.push_back({r.input_tokens, r.output_tokens});
    return pairs;
  };
  check("azure_conv", replayed("azure_csv", "azure_2023_conv.csv"));
  check("mooncake_conversation", replayed("mooncake_jsonl", "mooncake_conversation.jsonl"));
  std::ifstream in(data + "traces/sharegpt_lengths.csv");
  REQUIRE(in);
  Pairs sharegpt;
  std::string line;
  for (std::getline(in, line); std::getline(in, line);) {
    RequestLengths::Pair pair;
    REQUIRE(std::sscanf(line.c_str(), "%*[^,],%ld,%ld", &pair.input, &pair.output) == 2);
    sharegpt.push_back(pair);
  }
  check("sharegpt", sharegpt);
}

}  // namespace terrace
