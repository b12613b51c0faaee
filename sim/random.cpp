// Random streams and their distributions, in arithmetic that is the same everywhere.
#include "sim/random.h"

#include <array>
#include <cmath>
#include <limits>

namespace terrace {
namespace {

constexpr double ln2_high = 0x1.62e42fee00000p-1;  // ln 2 to 32 bits, so that k * ln2_high is exact
constexpr double ln2_low = 0x1.a39ef35793c76p-33;

template <std::size_t N>
double polynomial(const std::array<double, N>& ascending, double x) {
  double sum = ascending[N - 1];
  for (std::size_t i = N - 1; i-- > 0;) sum = sum * x + ascending[i];
  return sum;
}

// Algorithm AS 241 (PPND16), Wichura, Applied Statistics 37(3), 1988: three rational
// approximations.
constexpr std::array<double, 8> centre_top = {3.3871328727963666080e0, 1.3314166789178437745e2,
                                              1.9715909503065514427e3, 1.3731693765509461125e4,
                                              4.5921953931549871457e4, 6.7265770927008700853e4,
                                              3.3430575583588128105e4, 2.5090809287301226727e3};
constexpr std::array<double, 8> centre_bottom = {1.0,
                                                 4.2313330701600911252e1,
                                                 6.8718700749205790830e2,
                                                 5.3941960214247511077e3,
                                                 2.1213794301586595867e4,
                                                 3.9307895800092710610e4,
                                                 2.8729085735721942674e4,
                                                 5.2264952788528545610e3};
constexpr std::array<double, 8> shoulder_top = {
    1.42343711074968357734e0,  4.63033784615654529590e0, 5.76949722146069140550e0,
    3.64784832476320460504e0,  1.27045825245236838258e0, 2.41780725177450611770e-1,
    2.27238449892691845833e-2, 7.74545014278341407640e-4};
constexpr std::array<double, 8> shoulder_bottom = {1.0,
                                                   2.05319162663775882187e0,
                                                   1.67638483018380384940e0,
                                                   6.89767334985100004550e-1,
                                                   1.48103976427480074590e-1,
                                                   1.51986665636164571966e-2,
                                                   5.47593808499534494600e-4,
                                                   1.05075007164441684324e-9};
constexpr std::array<double, 8> tail_top = {6.65790464350110377720e0,  5.46378491116411436990e0,
                                            1.78482653991729133580e0,  2.96560571828504891230e-1,
                                            2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                            2.71155556874348757815e-5, 2.01033439929228813265e-7};
constexpr std::array<double, 8> tail_bottom = {1.0,
                                               5.99832206555887937690e-1,
                                               1.36929880922735805310e-1,
                                               1.48753612908506148525e-2,
                                               7.86869131145613259100e-4,
                                               1.84631831751005468180e-5,
                                               1.42151175831644588870e-7,
                                               2.04426310338993978564e-15};

// Hart, Computer Approximations, 1968, algorithm 5666: the upper tail as exp(-z²/2) times a ratio.
constexpr std::array<double, 7> hart_top = {220.206867912376,   221.213596169931, 112.079291497871,
                                            33.912866078383,    6.37396220353165, 0.700383064443688,
                                            3.52624965998911e-2};
constexpr std::array<double, 8> hart_bottom = {
    440.413735824752, 793.826512519948, 637.333633378831, 296.564248779674,
    86.7807322029461, 16.064177579207,  1.75566716318264, 8.83883476483184e-2};

}  // namespace

std::uint64_t mix_bits(std::uint64_t seed, std::uint64_t word) {
  std::uint64_t x = word + 0x9e3779b97f4a7c15ULL * (seed + 1);
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

std::uint64_t hash_text(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

double portable_log(double x) {
  int exponent = 0;
  double m = std::frexp(x, &exponent);  // exact
  if (m < 0x1.6a09e667f3bcdp-1) m *= 2, --exponent;
  // log m = 2 atanh s, |s| < 0.172; the first term left out is below 2 s^23 / 23.
  const double s = (m - 1) / (m + 1), z = s * s;
  double sum = 0;
  for (int n = 21; n >= 3; n -= 2) sum = (sum + 1.0 / n) * z;
  const double k = exponent;
  return k * ln2_high + (2 * s + (2 * s * sum + k * ln2_low));
}

double portable_exp(double x) {
  if (!(x > -745.2)) return x < 0 ? 0 : x;  // NaN stays
  if (x > 709.79) return std::numeric_limits<double>::infinity();
  const double k = std::floor(x * 0x1.71547652b82fep0 + 0.5);
  const double r = (x - k * ln2_high) - k * ln2_low;  // |r| < 0.347
  double sum = 1;
  for (int n = 15; n >= 1; --n) sum = 1 + sum * r / n;
  const int whole = static_cast<int>(k), half = whole / 2;
  return std::ldexp(std::ldexp(sum, half), whole - half);
}

double normal_quantile(double p) {
  const double q = p - 0.5;
  if (std::fabs(q) <= 0.425) {
    const double r = 0.180625 - q * q;
    return q * polynomial(centre_top, r) / polynomial(centre_bottom, r);
  }
  double r = std::sqrt(-portable_log(q < 0 ? p : 1 - p));
  double z = 0;
  if (r <= 5) {
    r -= 1.6;
    z = polynomial(shoulder_top, r) / polynomial(shoulder_bottom, r);
  } else {
    r -= 5;
    z = polynomial(tail_top, r) / polynomial(tail_bottom, r);
  }
  return q < 0 ? -z : z;
}

double normal_cdf(double z) {
  const double x = std::fabs(z);
  double tail = 0;
  if (x <= 37) {
    const double e = portable_exp(-0.5 * x * x);
    if (x < 7.07106781186547) {
      tail = e * polynomial(hart_top, x) / polynomial(hart_bottom, x);
    } else {  // continued fraction of Mills' ratio
      double f = x;
      for (int n = 30; n >= 1; --n) f = x + n / f;
      tail = e / (f * 2.506628274631000502);
    }
  }
  return z > 0 ? 1 - tail : tail;
}

double gamma_function(double x) {
  double below = 1;  // Gamma(x) = Gamma(x + n) / (x (x + 1) … (x + n - 1))
  while (x < 12) {
    below *= x;
    x += 1;
  }
  const double r = 1 / x, r2 = r * r;  // Stirling's series; the first term left out is below 1e-14
  const double series =
      r * (1.0 / 12 - r2 * (1.0 / 360 - r2 * (1.0 / 1260 - r2 * (1.0 / 1680 - r2 / 1188))));
  const double half_log_2pi = 0.91893853320467274178;
  return portable_exp((x - 0.5) * portable_log(x) - x + half_log_2pi + series) / below;
}

RandomStream::RandomStream(std::uint64_t seed, std::string_view name)
    : engine_(mix_bits(seed, hash_text(name))) {}

double RandomStream::uniform() {
  return (static_cast<double>(engine_() >> 12) + 0.5) * 0x1p-52;  // never rounds to 0 or 1
}

double RandomStream::uniform(double low, double high) { return low + (high - low) * uniform(); }

std::int64_t RandomStream::integer(std::int64_t low, std::int64_t high) {
  const std::uint64_t span = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low) + 1;
  if (span == 0) return static_cast<std::int64_t>(engine_());
  const std::uint64_t unfair = (0 - span) % span;  // 2^64 mod span words would favour small values
  std::uint64_t word = engine_();
  while (word < unfair) word = engine_();
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + word % span);
}

double RandomStream::normal() { return normal_quantile(uniform()); }

double RandomStream::lognormal(double mu, double sigma) {
  return portable_exp(mu + sigma * normal());
}

double RandomStream::exponential(double mean) { return -mean * portable_log(uniform()); }

// Marsaglia and Tsang, ACM TOMS 26(3), 2000; below shape 1 by their boost from shape + 1.
double RandomStream::gamma(double shape, double scale) {
  if (shape < 1) {
    const double boost = portable_exp(portable_log(uniform()) / shape);
    return boost * gamma(shape + 1, scale);
  }
  const double d = shape - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  for (;;) {
    const double z = normal(), root = 1 + c * z;
    if (root <= 0) continue;
    const double v = root * root * root;
    if (portable_log(uniform()) < 0.5 * z * z + d - d * v + d * portable_log(v))
      return d * v * scale;
  }
}

double RandomStream::weibull(double shape, double scale) {
  return scale * portable_exp(portable_log(exponential(1)) / shape);
}

}  // namespace terrace
