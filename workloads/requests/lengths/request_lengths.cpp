// The Gaussian copula between input and output lengths.
#include "workloads/requests/lengths/request_lengths.h"

#include <algorithm>
#include <cmath>

namespace terrace {
namespace {

// Inside (0, 1) also where the normal CDF rounds to an end: half a step of RandomStream::uniform.
double inside(double u) { return std::clamp(u, 0x1p-53, 1 - 0x1p-53); }

// Taylor's series, for |x| <= pi / 6: the same on every libm.
double sine(double x) {
  double sum = 1;
  for (int n = 16; n >= 2; n -= 2) sum = 1 - x * x / (n * (n + 1)) * sum;
  return x * sum;
}

}  // namespace

RankCopula::RankCopula(double rank_correlation)
    : pearson_(2 * sine(3.14159265358979323846 * rank_correlation / 6)),
      rest_(std::sqrt(std::max(0.0, 1 - pearson_ * pearson_))) {}

RankCopula::Uniforms RankCopula::draw(RandomStream& random) const {
  const double u = random.uniform();
  if (pearson_ == 0) return {u, random.uniform()};
  const double z = pearson_ * normal_quantile(u) + rest_ * random.normal();
  return {u, inside(normal_cdf(z))};
}

}  // namespace terrace
