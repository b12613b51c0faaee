// Budgets in closed form.
#include <catch2/catch.hpp>
#include <numeric>

#include "tests/workloads/kv/harness.h"

namespace terrace {
namespace {

std::vector<std::int64_t> tokens_of(const Choice<KvBudget>& choice, std::int64_t layers,
                                    std::int64_t seen) {
  MemberContext context;
  context.shape.layers = layers;
  context.shape.kv_heads = 1;
  const auto budget = choice.make(context);
  std::vector<std::int64_t> tokens;
  for (std::int64_t l = 0; l < layers; ++l) tokens.push_back(budget->tokens(l, 0, seen));
  return tokens;
}

}  // namespace

TEST_CASE("a uniform budget is a number of tokens, or a share of those seen") {
  REQUIRE(tokens_of(policy_of("{budget: {kind: uniform, tokens: 50}}").budget, 3, 200) ==
          std::vector<std::int64_t>(3, 50));
  REQUIRE(tokens_of(policy_of("{budget: {kind: uniform, share: 0.2}}").budget, 3, 200) ==
          std::vector<std::int64_t>(3, 40));
  REQUIRE(tokens_of(policy_of("{budget: uniform}").budget, 2, 7) ==
          std::vector<std::int64_t>(2, 7));
}

TEST_CASE("a pyramid is an arithmetic sequence with the total of a uniform budget") {
  // top = mean / beta, bottom = 2 mean - top, equal steps between (arXiv 2406.02069, section 4).
  const double mean = 100, beta = 20;
  const auto tokens =
      tokens_of(policy_of("{budget: {kind: pyramid, tokens: 100, beta: 20}}").budget, 16, 100000);
  for (std::size_t l = 0; l < 16; ++l) {
    const double top = mean / beta, bottom = 2 * mean - top;
    const double expected = bottom + (top - bottom) * static_cast<double>(l) / 15;
    INFO("layer " << l << ": " << tokens[l] << " for " << expected);
    REQUIRE(std::abs(static_cast<double>(tokens[l]) - expected) <= 1);
  }
}

TEST_CASE("what is apart comes on top of every layer's part of a pyramid") {
  // 100 tokens, 40 of them apart: parts of 60, from 2 x 60 - 60/20 down to 60/20.
  const auto tokens = tokens_of(
      policy_of("{budget: {kind: pyramid, tokens: 100, beta: 20, apart: 40}}").budget, 16, 100000);
  REQUIRE(tokens.front() == 40 + 117);
  REQUIRE(tokens.back() == 40 + 3);
  REQUIRE(std::accumulate(tokens.begin(), tokens.end(), 0L) <= 1600);
  REQUIRE(std::accumulate(tokens.begin(), tokens.end(), 0L) >= 1600 - 16);
}

TEST_CASE(
    "where the lower layers of a pyramid have no more tokens to keep, the higher get theirs") {
  const auto tokens =
      tokens_of(policy_of("{budget: {kind: pyramid, share: 0.8}}").budget, 10, 1000);
  const double total = static_cast<double>(std::accumulate(tokens.begin(), tokens.end(), 0L));
  INFO("total " << total << " for " << 0.8 * 1000 * 10);
  REQUIRE(total <= 8000);
  REQUIRE(total >= 8000 - 10);  // rounding, a token a layer
  for (std::size_t l = 0; l < 10; ++l) REQUIRE(tokens[l] <= 1000);
  REQUIRE(tokens_of(policy_of("{budget: {kind: pyramid}}").budget, 4, 64) ==
          std::vector<std::int64_t>(4, 64));
}

}  // namespace terrace
