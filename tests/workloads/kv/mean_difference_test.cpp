// Paired losses and the confidence of their mean difference.
#include <catch2/catch.hpp>
#include <cmath>

#include "sim/random.h"
#include "workloads/kv/in_loop.h"

namespace terrace {

TEST_CASE("the interval of a mean difference is Student's t over the means of batches",
          "[kv][quality]") {
  // Two batches of two steps with means 1 and 3: mean 2, deviation sqrt(2), error 1, and
  // t(0.975; 1) = 12.706 of any table.
  const Losses a = {1, 1, 3, 3}, b = {0, 0, 0, 0};
  const MeanDifference d = mean_difference({&a}, {&b}, 2);
  CHECK(d.mean == Approx(2));
  CHECK(d.half_width == Approx(12.706).epsilon(1e-4));
  CHECK_FALSE(d.above());
  CHECK(std::isinf(mean_difference({&a}, {&b}, 4).half_width));
  CHECK_THROWS_AS(mean_difference({&a, &b}, {&a}), std::out_of_range);
}

TEST_CASE("neighbours that err alike widen the interval, and it covers the truth 95 times in 100",
          "[kv][quality]") {
  int covered = 0;
  constexpr int trials = 400;
  for (int trial = 0; trial < trials; ++trial) {
    RandomStream random(static_cast<std::uint64_t>(trial), "trial");
    Losses a, zero(2048, 0.0);
    for (double x = 0; a.size() < 2048;) a.push_back(1 + (x = 0.7 * x + random.normal()));
    const MeanDifference d = mean_difference({&a}, {&zero});
    covered += std::fabs(d.mean - 1) < d.half_width ? 1 : 0;
  }
  CHECK(covered > 0.90 * trials);  // 0.95 less what batches of 32 leave of correlations
  CHECK(covered < 0.99 * trials);
}

}  // namespace terrace
