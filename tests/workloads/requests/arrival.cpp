// Arrival processes: rate and variability against their closed forms.
#include <catch2/catch.hpp>
#include <cmath>
#include <string>

#include "tests/workloads/requests/requests_from.h"
#include "workloads/requests/arrival/arrival_process.h"

namespace terrace {
namespace {

struct Gaps {
  double mean = 0, cv2 = 0, mean_error = 0;
};
// Of n gaps; the error is four standard deviations of the mean, if gaps were independent.
Gaps gaps(const std::string& yaml, int n = 400'000) {
  const auto process = test::from_yaml<ArrivalProcess>(yaml);
  RandomStream random(11, "gaps");
  double sum = 0, squares = 0;
  for (int i = 0; i < n; ++i) {
    const double gap = process->gap(random).value();
    sum += gap;
    squares += gap * gap;
  }
  const double mean = sum / n, variance = squares / n - mean * mean;
  return {mean, variance / (mean * mean), 4 * std::sqrt(variance / n)};
}

void check(const std::string& yaml, double mean, double cv2, double cv2_tolerance) {
  const Gaps g = gaps(yaml);
  INFO(yaml << ": mean gap " << g.mean << " s for 1/rate = " << mean << " ± " << g.mean_error
            << "; CV² " << g.cv2 << " for " << cv2 << ", deviation " << 100 * (g.cv2 / cv2 - 1)
            << " %");
  CHECK(std::fabs(g.mean - mean) <= g.mean_error + 1e-12);
  CHECK(g.cv2 == Approx(cv2).epsilon(cv2_tolerance).margin(1e-9));
}

}  // namespace

TEST_CASE("arrival processes have the rate and the variability they are told", "[arrival]") {
  check("{kind: poisson, rate: 4/s}", 0.25, 1, 0.02);
  check("{kind: constant, rate: 4/s}", 0.25, 0, 0);
  check("{kind: gamma, rate: 10/s, cv: 0.5}", 0.1, 0.25, 0.02);
  check("{kind: gamma, rate: 10/s, cv: 1}", 0.1, 1, 0.02);
  check("{kind: gamma, rate: 10/s, cv: 3}", 0.1, 9, 0.05);
  for (const double k : {0.7, 1.0, 2.0}) {  // CV² = Gamma(1 + 2/k) / Gamma(1 + 1/k)² - 1
    const double cv2 = std::tgamma(1 + 2 / k) / std::pow(std::tgamma(1 + 1 / k), 2) - 1;
    check("{kind: weibull, rate: 2/s, shape: " + std::to_string(k) + "}", 0.5, cv2, 0.04);
  }
}

TEST_CASE("the default CVs are those of ServeGen's clients", "[arrival]") {
  check("{kind: gamma, rate: 10/s}", 0.1, 1.52 * 1.52, 0.05);
  // Weibull with k = 0.35: CV = sqrt(Gamma(1 + 2/k) / Gamma(1 + 1/k)² - 1) = 4.0
  CHECK(std::sqrt(std::tgamma(1 + 2 / 0.35) / std::pow(std::tgamma(1 + 1 / 0.35), 2) - 1) ==
        Approx(4.0).epsilon(0.02));
  const Gaps g = gaps("{kind: weibull, rate: 10/s}");
  CHECK(g.mean == Approx(0.1).margin(g.mean_error));
}

TEST_CASE("bursts have the rate over on and off, and the CV of an interrupted Poisson process",
          "[arrival]") {
  // On 2 s, off 8 s on average, 5/s over both: r = 25/s while on; CV² = 1 + 2 r a / (a + b)².
  const double a = 1 / 2.0, b = 1 / 8.0, r = 25, cv2 = 1 + 2 * r * a / ((a + b) * (a + b));
  const Gaps g = gaps("{kind: on_off, rate: 5/s, on: 2s, off: 8s}", 2'000'000);
  INFO("mean gap " << g.mean << " s for 0.2 ± " << g.mean_error << ", CV² " << g.cv2 << " for "
                   << cv2);
  CHECK(std::fabs(g.mean - 0.2) < g.mean_error);
  CHECK(g.cv2 == Approx(cv2).epsilon(0.05));

  const auto process = test::from_yaml<ArrivalProcess>(
      "{kind: on_off, rate: 5/s, on: 2s, off: 8s, periods: constant}");
  RandomStream random(1, "gaps");
  double now = 0;
  for (int i = 0; i < 10'000; ++i) {
    now += process->gap(random).value();
    const double phase = std::fmod(now, 10);
    INFO("arrival " << i << " at " << now << " s, " << phase << " s into a period of 10 s");
    REQUIRE((phase < 2 + 1e-6 || phase > 10 - 1e-6));  // none while off
  }
}

TEST_CASE("an arrival process needs a rate above 0", "[arrival]") {
  for (const std::string kind : {"poisson", "constant", "gamma", "weibull"}) {
    CHECK_THROWS_WITH(test::from_yaml<ArrivalProcess>("{kind: " + kind + ", rate: 0/s}"),
                      Catch::Contains("must be above 0/s"));
    CHECK_THROWS_WITH(test::from_yaml<ArrivalProcess>("{kind: " + kind + ", rate: 3}"),
                      Catch::Contains("unit"));
    CHECK_THROWS_WITH(test::from_yaml<ArrivalProcess>(kind), Catch::Contains("rate"));
  }
}

}  // namespace terrace
