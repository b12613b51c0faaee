// Random numbers of a run: one named stream per component, all of them drawn from the scenario's
// seed. Every distribution is computed here (inverse CDF or rejection, with log and exp in plain
// arithmetic), so a seed gives the same numbers with every standard library and libm.
#pragma once

#include <cstdint>
#include <random>
#include <string_view>

namespace terrace {

// Mixes two words into one; a bijection of `word` for every `seed` (finaliser of splitmix64,
// Steele, Lea and Flood, OOPSLA 2014).
std::uint64_t mix_bits(std::uint64_t seed, std::uint64_t word);
std::uint64_t hash_text(std::string_view text);  // FNV-1a, 64 bits

// Streams with different names are independent: adding a component moves no other one's numbers.
class RandomStream {
 public:
  RandomStream(std::uint64_t seed, std::string_view name);

  std::uint64_t bits() { return engine_(); }
  double uniform();                                           // in (0, 1), both ends excluded
  double uniform(double low, double high);                    // in (low, high)
  std::int64_t integer(std::int64_t low, std::int64_t high);  // both ends included, each as likely
  double normal();                            // mean 0, variance 1; one uniform each
  double lognormal(double mu, double sigma);  // exp(mu + sigma z)
  double exponential(double mean);
  double gamma(double shape, double scale);    // mean shape scale; CV 1/sqrt(shape)
  double weibull(double shape, double scale);  // P(x > t) = exp(-(t/scale)^shape)

 private:
  std::mt19937_64 engine_;
};

// The functions behind it; relative error below 1e-15 (log, exp) and 1e-12 (normal_quantile),
// absolute error below 1e-15 (normal_cdf).
double portable_log(double x);     // x > 0, finite
double portable_exp(double x);     // 0 below -745, infinity above 709.78
double normal_quantile(double p);  // 0 < p < 1
double normal_cdf(double z);
double gamma_function(double x);  // x > 0; relative error below 1e-12 up to 100

}  // namespace terrace
