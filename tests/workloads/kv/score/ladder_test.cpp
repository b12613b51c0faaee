// A ladder over the layers in closed form (LaCache).
#include <catch2/catch.hpp>
#include <set>

#include "tests/workloads/kv/harness.h"

namespace terrace {
namespace {

const RandomTrace trace(48, {96, 4, 2, 2, 16, 24, true});

std::vector<std::int32_t> kept_after(std::int64_t layer, std::int64_t prompt, std::int64_t steps,
                                     std::int64_t budget, const std::string& more = "") {
  Walk how;
  how.prompt = prompt;
  how.steps = steps;
  std::vector<std::int32_t> last;
  walk(policy_of("{score: {kind: ladder, sinks: 4" + more + "}, budget: {kind: uniform, tokens: " +
                 std::to_string(budget) + "}, protect: {sinks: 4}}"),
       trace, how, [&](const PolicyCache& cache, std::int64_t, const auto&) {
         last = cache.head(layer, 0).positions();
       });
  return last;
}

// Half of the layers keep each token: of two side by side, layer l keeps the l mod 2-th.
std::vector<std::int32_t> after_rungs(std::int64_t layer, std::int32_t rungs, std::int32_t seen) {
  std::vector<std::int32_t> kept = {0, 1, 2, 3};
  for (std::int32_t j = 0; j < rungs; ++j)
    kept.push_back(4 + 2 * j + static_cast<std::int32_t>(layer % 2));
  for (std::int32_t p = 4 + 2 * rungs; p < seen; ++p) kept.push_back(p);
  return kept;
}

}  // namespace

TEST_CASE("the ladder takes one token of two from the oldest on, another in every other layer") {
  for (std::int64_t l = 0; l < 4; ++l) {
    INFO("layer " << l);
    REQUIRE(kept_after(l, 64, 0, 44) == after_rungs(l, 20, 64));
  }
}

TEST_CASE("token by token the ladder climbs as far as all at once") {
  for (std::int64_t l = 0; l < 4; ++l) {
    INFO("layer " << l);
    REQUIRE(kept_after(l, 44, 20, 44) == after_rungs(l, 20, 64));
  }
}

TEST_CASE("at the top the ladder starts over on what is left") {
  // 64 tokens, 24 may stay: 30 rungs of 60 tokens take 30, the next pass takes 10 of the 30 left.
  for (std::int64_t l = 0; l < 4; ++l) {
    const auto o = static_cast<std::int32_t>(l % 2);
    std::vector<std::int32_t> expected = {0, 1, 2, 3};
    for (std::int32_t i = 0; i < 10; ++i) expected.push_back(4 + 2 * (2 * i + o) + o);
    for (std::int32_t j = 20; j < 30; ++j) expected.push_back(4 + 2 * j + o);
    INFO("layer " << l);
    REQUIRE(kept_after(l, 64, 0, 24) == expected);
  }
}

TEST_CASE("a quarter of the layers for each token makes rungs of four, one for each layer") {
  std::set<std::int32_t> covered;
  for (std::int64_t l = 0; l < 4; ++l) {
    std::vector<std::int32_t> expected = {0, 1, 2, 3};
    for (std::int32_t j = 0; j < 15; ++j)
      expected.push_back(4 + 4 * j + static_cast<std::int32_t>(l));
    const auto kept = kept_after(l, 64, 0, 19, ", span: 0.25");
    REQUIRE(kept == expected);
    covered.insert(kept.begin(), kept.end());
  }
  REQUIRE(covered.size() == 64);  // together the layers still hold the whole text
}

TEST_CASE("recent tokens are above the ladder, and a ladder without steps is a mistake") {
  // Three passes over 4 … 13: without the odd ones, then 6 and 10, then 8.
  REQUIRE(kept_after(0, 20, 0, 12, ", recent: 6") ==
          std::vector<std::int32_t>{0, 1, 2, 3, 4, 12, 14, 15, 16, 17, 18, 19});
  REQUIRE_THROWS_AS(kept_after(0, 64, 0, 20, ", span: 1"), BuildError);
}

}  // namespace terrace
