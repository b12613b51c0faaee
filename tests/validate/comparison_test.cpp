// Rows of comparisons: deviations, bounds, sums, and what every member has to say about itself.
#include "validate/comparison.h"

#include <catch2/catch.hpp>
#include <set>

#include "validate/comparison_page.h"

using namespace terrace;
using namespace terrace::validate;

TEST_CASE("a deviation is in percent of the reference, or in points of a figure in percent",
          "[validate]") {
  CHECK(percent("rate", 110, 100, "B/s", 5).deviation() == Approx(10));
  CHECK(percent("rate", 95, 100, "B/s", 5).deviation() == Approx(-5));
  CHECK(points("share", 88, 90, 3).deviation() == Approx(-2));
  CHECK(percent("rate", 95, 100, "B/s", 5).met());
  CHECK_FALSE(percent("rate", 94.9, 100, "B/s", 5).met());
  CHECK(points("share", 93, 90, 3).met());
  CHECK_FALSE(points("share", 93.1, 90, 3).met());
  CHECK(points("share", 88, 90, 3).deviation_text() == "-2.0 points");
  CHECK(percent("rate", 110, 100, "B/s", 5).deviation_text() == "+10.0 %");
}

TEST_CASE("a rate lies below its closed form and a time above it", "[validate]") {
  Row rate = percent("rate", 102, 100, "B/s", 5), time = percent("time", 98, 100, "s", 5);
  CHECK(rate.within_bound());  // none is given
  CHECK_FALSE(rate.at_most(101).within_bound());
  CHECK(rate.at_most(101, 0.02).within_bound());
  CHECK_FALSE(time.at_least(99).within_bound());
  CHECK(time.at_least(99, 0.02).within_bound());
}

TEST_CASE("a summary counts what is met and names the worst of each kind", "[validate]") {
  const Rows rows = {percent("a", 101, 100, "s", 5), percent("b", 91, 100, "s", 5),
                     percent("c", 104, 100, "s", 5), points("d", 50, 52, 3),
                     points("e", 50, 51, 3).at_most(49)};
  const Summary s = summarise(rows);
  CHECK(s.rows == 5);
  CHECK(s.met == 4);
  CHECK(s.beyond_bound == 1);
  CHECK(s.percent.median == Approx(4));
  CHECK(s.percent.worst == Approx(9));
  CHECK(s.percent.worst_row == "b");
  CHECK(s.points.median == Approx(1.5));
  CHECK(text_of(s) ==
        "5 rows, 4 within the target, 1 beyond the closed form; median 1.5 points, worst 2.0 "
        "points (d); median 4.0 %, worst 9.0 % (b)");
  CHECK(text_of(summarise({})) == "0 rows, 0 within the target");
}

TEST_CASE("a row takes the source of its part unless it has its own", "[validate]") {
  Row own = percent("b", 1, 1, "s", 1);
  own.source = "another paper";
  const Part part{"p", "a paper", [&] { return Rows{percent("a", 1, 1, "s", 1), own}; }};
  const Rows rows = part.run();
  CHECK(rows[0].source == "a paper");
  CHECK(rows[1].source == "another paper");
}

TEST_CASE("every comparison names its sources and each of its parts once", "[validate]") {
  const std::vector<std::string> names = Registry<Comparison>::family().names();
  CHECK(names.size() >= 13);
  for (const std::string& name : names) {
    INFO(name);
    const auto comparison = Choice<Comparison>::of(name).make({});
    CHECK(comparison->about().size() > 40);
    std::set<std::string> parts;
    for (const Part& part : comparison->parts()) {
      INFO(part.name);
      CHECK(parts.insert(part.name).second);
      CHECK(part.source.size() > 10);
    }
    CHECK(!parts.empty());
  }
}

TEST_CASE("a page of a comparison shows rows that miss, notes and sources", "[validate]") {
  const auto comparison = Choice<Comparison>::of("ethernet_roce").make({});
  Rows rows = {percent("near", 101e9, 100e9, "B/s", 5).at_most(110e9),
               points("far", 60, 52.5, 3).because("nobody knows")};
  rows[0].source = "a paper";
  const std::string page = page_of("ethernet_roce", *comparison, rows).markdown("terrace x");
  CHECK(page.find("| near | 101 GB/s | 100 GB/s | +1.0 % | ≤ 110 GB/s | ± 5 % | yes |") !=
        std::string::npos);
  CHECK(page.find("| far | 60.0 % | 52.5 % | +7.5 points | – | ± 3 points | no |") !=
        std::string::npos);
  CHECK(page.find("far: nobody knows") != std::string::npos);
  CHECK(page.find("a paper") != std::string::npos);
  CHECK(page.find("2 rows, 1 within the target") != std::string::npos);
}
