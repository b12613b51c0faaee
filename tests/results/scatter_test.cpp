// A scatter plot says where its points are.
#include "results/scatter.h"

#include <catch2/catch.hpp>

#include "results/query.h"

namespace terrace {
namespace {

Answer answer(std::vector<std::string> columns, std::vector<std::vector<Answer::Cell>> rows) {
  return {std::move(columns), std::move(rows)};
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("points lie where their values are on linear and logarithmic axes", "[results]") {
  Scatter plot;
  plot.x = {"size", true};
  plot.y = {"rate", false};
  plot.series = {{"a & b", {{1, 0, "start"}, {10, 5, ""}, {100, 10, "end"}}}};
  const std::string svg = svg_of({plot});
  // 440 wide: two decades, ten units.
  CHECK(has(svg, "M0.0 440.0h0M220.0 220.0h0M440.0 0.0h0"));
  CHECK(has(svg, "a &amp; b"));
  CHECK(has(svg, ">start<"));
  plot.series.front().points.push_back({-1, 3, ""});
  plot.title = "t";
  CHECK(has(svg_of({plot}), "t (1 points not shown)"));
}

TEST_CASE("equal axes have a diagonal, and long lists are thinned out", "[results]") {
  Scatter plot;
  plot.x = {"measured", true};
  plot.y = {"predicted", true};
  plot.diagonal = true;
  plot.series = {{"gemm", std::vector<ScatterPoint>(101, {1, 10, ""})}};
  const std::string svg = svg_of({plot}, 10);
  // Both axes go from 1 to 10: measured 1 is the left edge, predicted 10 the upper one.
  std::size_t dots = 0;
  for (std::size_t at = 0; (at = svg.find("M0.0 0.0h0", at)) != std::string::npos; ++at) ++dots;
  CHECK(dots == 10);               // of 101, each eleventh: 0, 11, …, 99
  CHECK(has(svg, "M0.0 440.0L"));  // the diagonal starts in the lower left corner
}

TEST_CASE("an answer becomes a plot of its first two columns", "[results][query]") {
  const Answer a = answer({"bytes", "rate", "kind"}, {{std::int64_t{1}, 2.0, std::string("x")},
                                                      {std::int64_t{1000}, 3.0, std::string("y")}});
  const std::string svg = a.svg("title");
  CHECK(has(svg, ">bytes<"));
  CHECK(has(svg, ">rate<"));
  CHECK(has(svg, ">x<"));
  CHECK(has(svg, "M0.0 "));    // 1 of 1 … 1000, logarithmic: at the left
  CHECK(has(svg, "M440.0 "));  // … and 1000 at the right
  CHECK_THROWS_AS(answer({"x"}, {}).svg(""), QueryError);
  CHECK_THROWS_AS(answer({"x", "y"}, {{std::string("a"), 1.0}}).svg(""), QueryError);
}

}  // namespace terrace
