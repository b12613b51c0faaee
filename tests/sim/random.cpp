// Random streams against the closed forms of their distributions.
#include "sim/random.h"

#include <algorithm>
#include <boost/math/special_functions/gamma.hpp>
#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <set>
#include <vector>

namespace terrace {
namespace {

constexpr int samples = 200'000;
// Kolmogorov: P(sqrt(n) D > 1.95) = 2 exp(-2 1.95²) = 0.001.
const double ks_limit = 1.95 / std::sqrt(static_cast<double>(samples));

struct Moments {
  double mean = 0, variance = 0, ks = 0;
};
Moments sampled(const std::function<double()>& draw, const std::function<double(double)>& cdf) {
  std::vector<double> x(samples);
  for (double& each : x) each = draw();
  std::sort(x.begin(), x.end());
  Moments m;
  for (const double each : x) m.mean += each / samples;
  for (std::size_t i = 0; i < x.size(); ++i) {
    m.variance += (x[i] - m.mean) * (x[i] - m.mean) / samples;
    const double f = cdf(x[i]), below = static_cast<double>(i) / samples;
    m.ks = std::max({m.ks, std::fabs(f - below), std::fabs(f - below - 1.0 / samples)});
  }
  return m;
}

void agrees(const std::string& name, const Moments& m, double mean, double variance,
            double kurtosis_excess) {
  // The sample mean is within 4 of its standard deviations, and so is the variance.
  const double mean_error = 4 * std::sqrt(variance / samples);
  const double variance_error = 4 * variance * std::sqrt((kurtosis_excess + 2) / samples);
  INFO(name << ": mean " << m.mean << " for " << mean << " ± " << mean_error << ", variance "
            << m.variance << " for " << variance << " ± " << variance_error << ", KS " << m.ks
            << " under " << ks_limit);
  CHECK(std::fabs(m.mean - mean) < mean_error);
  CHECK(std::fabs(m.variance - variance) < variance_error);
  CHECK(m.ks < ks_limit);
}

}  // namespace

TEST_CASE("every distribution has the mean, variance and CDF of its formula", "[random]") {
  RandomStream r(7, "test");
  agrees("uniform", sampled([&] { return r.uniform(); }, [](double x) { return x; }), 0.5, 1.0 / 12,
         -1.2);
  agrees("normal",
         sampled([&] { return r.normal(); },
                 [](double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }),
         0, 1, 0);
  agrees("exponential",
         sampled([&] { return r.exponential(3); }, [](double x) { return 1 - std::exp(-x / 3); }),
         3, 9, 6);
  for (const double shape : {0.25, 0.433, 1.0, 2.5, 40.0}) {
    agrees("gamma, shape " + std::to_string(shape),
           sampled([&] { return r.gamma(shape, 2); },
                   [&](double x) { return boost::math::gamma_p(shape, x / 2); }),
           shape * 2, shape * 4, 6 / shape);
  }
  for (const double k : {0.7, 1.0, 3.0}) {
    const auto g = [&](int n) { return std::tgamma(1 + n / k); };
    const double v = g(2) - g(1) * g(1);
    const double fourth = g(4) - 4 * g(3) * g(1) + 6 * g(2) * g(1) * g(1) - 3 * std::pow(g(1), 4);
    agrees("weibull, shape " + std::to_string(k),
           sampled([&] { return r.weibull(k, 1); },
                   [&](double x) { return 1 - std::exp(-std::pow(x, k)); }),
           g(1), v, fourth / (v * v) - 3);
  }
  agrees("the logarithm of a lognormal",
         sampled([&] { return std::log(r.lognormal(2, 0.5)); },
                 [](double x) { return 0.5 * std::erfc(-(x - 2) / 0.5 / std::sqrt(2.0)); }),
         2, 0.25, 0);
}

TEST_CASE("whole numbers of a range come alike often and never outside it", "[random]") {
  RandomStream r(3, "dice");
  std::vector<int> count(6);
  for (int i = 0; i < 60'000; ++i) ++count.at(static_cast<std::size_t>(r.integer(10, 15) - 10));
  double chi2 = 0;
  for (const int c : count) chi2 += (c - 10'000.0) * (c - 10'000.0) / 10'000;
  INFO("chi² with 5 degrees of freedom " << chi2 << ", above 20.5 with probability 0.001");
  CHECK(chi2 < 20.5);
  CHECK(r.integer(4, 4) == 4);
  CHECK_NOTHROW(r.integer(INT64_MIN, INT64_MAX));
}

TEST_CASE("streams depend on seed and name, and on nothing else", "[random]") {
  const auto first = [](std::uint64_t seed, const char* name) {
    return RandomStream(seed, name).bits();
  };
  CHECK(first(1, "a") == first(1, "a"));
  std::set<std::uint64_t> seen;
  for (std::uint64_t seed = 0; seed < 100; ++seed)
    for (const char* name : {"", "a", "b", "ab", "requests.arrival", "requests.lengths"})
      seen.insert(first(seed, name));
  CHECK(seen.size() == 600);

  // Correlation of two named streams of one seed: within 4 standard deviations of 0.
  RandomStream a(1, "a"), b(1, "b");
  double sum = 0;
  for (int i = 0; i < samples; ++i) sum += a.normal() * b.normal() / samples;
  INFO("correlation " << sum);
  CHECK(std::fabs(sum) < 4 / std::sqrt(static_cast<double>(samples)));
}

TEST_CASE("log, exp and the normal functions are exact to their stated error", "[random]") {
  double log_error = 0, exp_error = 0, cdf_error = 0, quantile_error = 0, gamma_error = 0;
  RandomStream r(5, "arguments");
  for (int i = 0; i < 100'000; ++i) {
    const double x = i % 2 == 0 ? std::exp(r.uniform(-700, 700)) : r.uniform(0.5, 2);
    log_error = std::max(log_error, std::fabs(portable_log(x) / std::log(x) - 1));
    const double y = i % 2 == 0 ? r.uniform(-700, 700) : r.uniform(-2, 2);
    exp_error = std::max(exp_error, std::fabs(portable_exp(y) / std::exp(y) - 1));
    const double z = r.uniform(-9, 9), f = 0.5 * std::erfc(-z / std::sqrt(2.0));
    cdf_error = std::max(cdf_error, std::fabs(normal_cdf(z) - f));
    const double p = std::exp(r.uniform(-300, -1)), q = normal_quantile(p);
    quantile_error =
        std::max(quantile_error, std::fabs(0.5 * std::erfc(-q / std::sqrt(2.0)) / p - 1));
    const double g = r.uniform(0.01, 100);
    gamma_error = std::max(gamma_error, std::fabs(gamma_function(g) / std::tgamma(g) - 1));
  }
  INFO("largest deviations: log " << log_error << ", exp " << exp_error << ", cdf " << cdf_error
                                  << ", quantile " << quantile_error << ", gamma " << gamma_error);
  CHECK(log_error < 1e-15);
  CHECK(exp_error < 1e-15);
  CHECK(cdf_error < 1e-15);
  CHECK(quantile_error < 1e-11);  // of the probability: z phi(z) / Phi(z) times that of z
  CHECK(gamma_error < 1e-12);
  CHECK(portable_exp(-800) == 0);
  CHECK(portable_exp(0) == 1);
  CHECK(portable_log(1) == 0);
  CHECK(portable_log(0x1p-1060) == Approx(-1060 * std::log(2.0)).epsilon(1e-15));
  CHECK(std::isinf(portable_exp(710)));
}

}  // namespace terrace
