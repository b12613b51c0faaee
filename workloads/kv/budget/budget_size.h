// How large a budget is on average: what its members' Params start from.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "sim/schema.h"

namespace terrace {

// A number of tokens, or a share of the tokens seen.
struct BudgetSize {
  std::optional<std::int64_t> tokens;
  double share = 1;

  static void fields(Schema<BudgetSize>& s);
  void check(Checker& c) const;
  std::int64_t of(std::int64_t seen) const;  // rounded down, at least 1
};
template <class P>
void budget_size_fields(Schema<P>& s) {
  s.field("tokens", &P::tokens, "for each head, on average; none: a share").at_least(1);
  s.field("share", &P::share, "of the tokens seen so far").above(0.0).at_most(1.0);
}
inline void BudgetSize::fields(Schema<BudgetSize>& s) { budget_size_fields(s); }
inline void BudgetSize::check(Checker& c) const {
  if (tokens && share != 1) c.fail("share", "tokens are given too; give one of them");
}
// Of a budget, the last tokens that each layer or head has anyway: only the rest is shared out.
template <class P>
void apart_field(Schema<P>& s) {
  s.field("apart", &P::apart,
          "of the budget, last tokens that are not shared out: each keeps its own")
      .at_least(0);
}
inline std::int64_t BudgetSize::of(std::int64_t seen) const {
  const auto part = static_cast<std::int64_t>(share * static_cast<double>(seen) + 1e-9);
  return std::max<std::int64_t>(1, std::min(tokens.value_or(part), seen));
}

}  // namespace terrace
