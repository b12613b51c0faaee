// Comparing two records.
#include "results/compare.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "tests/results/sample_record.h"

namespace terrace::tests {

namespace {

Record scenario(const std::string& json) {
  Record r;
  r.name = "s";
  r.scenario = json;
  return r;
}

}  // namespace

TEST_CASE("what changed in a scenario is told leaf by leaf", "[results][compare]") {
  const auto changes = scenario_changes(
      R"({"machine":{"gpus":[{"hbm":"80GB"},{"hbm":"80GB"}],"link":"pcie4"},"seed":1,"old":{"a":[]}})",
      R"({"machine":{"gpus":[{"hbm":"80GB"},{"hbm":"141GB"}],"link":"pcie4"},"seed":1,"x.y":true})");
  REQUIRE(changes.size() == 3);
  CHECK(changes[0].path == "machine.gpus[1].hbm");
  CHECK(changes[0].a == "80GB");
  CHECK(changes[0].b == "141GB");
  CHECK(changes[1].path == "old.a");
  CHECK(changes[1].a == "[]");
  CHECK(changes[1].b.empty());
  CHECK(changes[2].path == "[\"x.y\"]");
  CHECK(changes[2].b == "true");
  CHECK(scenario_changes("{}", "{}").empty());
  CHECK(scenario_changes("not json", "neither").size() == 1);
}

TEST_CASE("what changed in a result is sorted by how much", "[results][compare]") {
  Record a = scenario("{}"), b = scenario("{}");
  const auto both = [&](const char* name, double x, double y, const char* unit) {
    a.stat(name, x, unit, "");
    b.stat(name, y, unit, "");
  };
  both("same", 7, 7, "1");
  both("up", 100, 110, "tokens/s");
  both("down", 4, 1, "s");
  both("from nothing", 0, 1, "1");
  a.stat("gone", 1, "1", "");
  b.stat("new", 1, "1", "");
  a.shares = {{"idle", 0.5, 1}};
  b.shares = {{"idle", 0.25, 1}};
  a.tiers.push_back({"gpu0.hbm", 1e9, 0, 0, 0, 0, 0});
  b.tiers.push_back({"gpu0.hbm", 1e9, 0, 0, 0, 0, 0});
  const Comparison c = compare(a, b);
  std::vector<std::string> order;
  for (const ResultChange& change : c.result) order.push_back(change.name);
  CHECK(order ==
        std::vector<std::string>{"from nothing", "gone", "new", "down", "share.idle", "up"});
  CHECK(c.equal == 5);  // same, simulated_seconds and three bytes of the tier
  CHECK(c.result[3].ratio() == 0.25);
  CHECK(c.result[3].size() == Approx(std::log(4)));
  CHECK(std::isnan(c.result[1].b));
  const std::string text = c.page().text();
  INFO(text);
  CHECK(text.find("down") < text.find("share.idle"));
  CHECK(text.find("0.25 x  -75.0 %") != std::string::npos);
  CHECK(c.page(2).text().find("and 4 smaller changes") != std::string::npos);
}

TEST_CASE("two equal records have nothing to compare", "[results][compare]") {
  const Record r = tests::sample_record(1);
  const Comparison c = compare(r, r);
  CHECK(c.scenario.empty());
  CHECK(c.result.empty());
  CHECK(c.page().text().find("numbers are equal") != std::string::npos);
}

}  // namespace terrace::tests
