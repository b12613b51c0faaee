// Means and percentiles against numpy's.
#include "workloads/serving/samples.h"

#include <catch2/catch.hpp>

namespace terrace {

TEST_CASE("percentiles interpolate between samples as numpy does") {
  Samples s;
  for (double v : {15.0, 20.0, 35.0, 40.0, 50.0}) s.add(v);
  // numpy.percentile([15, 20, 35, 40, 50], 40) = 29.0; 25 -> 20; 90 -> 46; 99 -> 49.6
  REQUIRE(s.quantile(0.4) == Approx(29.0));
  REQUIRE(s.quantile(0.25) == Approx(20.0));
  REQUIRE(s.quantile(0.9) == Approx(46.0));
  REQUIRE(s.quantile(0.99) == Approx(49.6));
  REQUIRE(s.quantile(0) == 15.0);
  REQUIRE(s.quantile(1) == 50.0);
  REQUIRE(s.mean() == Approx(32.0));
}

TEST_CASE("a sample counted many times is as many samples") {
  Samples many, one;
  for (int i = 0; i < 3; ++i) one.add(2);
  for (int i = 0; i < 4; ++i) one.add(1);
  one.add(9);
  many.add(1, 4);
  many.add(9);
  many.add(2, 3);
  for (double q : {0.0, 0.1, 0.5, 0.55, 0.6, 0.9, 0.99, 1.0})
    REQUIRE(many.quantile(q) == Approx(one.quantile(q)));
  REQUIRE(many.mean() == Approx(one.mean()));
  REQUIRE(many.count() == 8);
}

TEST_CASE("one sample is every percentile, none gives 0") {
  Samples s;
  REQUIRE(s.quantile(0.5) == 0);
  REQUIRE(s.mean() == 0);
  s.add(3);
  REQUIRE(s.quantile(0.5) == 3);
  REQUIRE(s.quantile(0.99) == 3);
}

}  // namespace terrace
