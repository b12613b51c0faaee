// Which replica gets a request.
#include "workloads/serving/router/router.h"

#include <catch2/catch.hpp>

#include "sim/registry.h"

namespace terrace {
namespace {

Request prompt(std::int64_t tokens) {
  Request r;
  r.input_tokens = tokens;
  return r;
}

}  // namespace

TEST_CASE("round robin takes turns, whatever the load") {
  const auto router = Choice<Router>::of("round_robin").make({});
  const std::vector<ReplicaLoad> loads = {{9, 9, 0}, {0, 0, 0}, {5, 5, 0}};
  for (std::size_t i = 0; i < 7; ++i) REQUIRE(router->choose(prompt(10), loads) == i % 3);
}

TEST_CASE(
    "least loaded counts a waiting request as four running ones, and prefers the first of equals") {
  const auto router = Choice<Router>::of("least_loaded").make({});
  REQUIRE(router->choose(prompt(10), {{0, 5, 0}, {1, 0, 0}}) == 1);
  REQUIRE(router->choose(prompt(10), {{0, 3, 0}, {1, 0, 0}}) == 0);
  REQUIRE(router->choose(prompt(10), {{1, 0, 0}, {0, 4, 0}, {0, 4, 0}}) == 0);
}

TEST_CASE(
    "prefix aware follows the cached prompt, if enough of it is cached and the load is not out of "
    "balance") {
  const auto router = Choice<Router>::of("prefix_aware").make({});
  REQUIRE(router->wants_cached());
  REQUIRE(router->choose(prompt(100), {{0, 2, 0}, {0, 9, 80}}) == 1);
  REQUIRE(router->choose(prompt(100), {{0, 2, 0}, {0, 9, 30}}) == 0);  // 0.3 is not more than 0.3
  REQUIRE(router->choose(prompt(100), {{0, 2, 0}, {0, 67, 80}}) ==
          0);  // 65 more and 33 times as many
  REQUIRE(router->choose(prompt(100), {{0, 200, 0}, {0, 270, 80}}) ==
          1);  // 70 more, but only 1.35 times
}

}  // namespace terrace
