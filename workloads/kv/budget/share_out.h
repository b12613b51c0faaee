// A whole number of tokens, handed out in proportion to weights.
#pragma once

#include <cstdint>
#include <vector>

namespace terrace {

// Everyone gets `floor` and, of the rest, a part in proportion to its weight, but never more than
// `cap`; what the capped leave goes to the others. The sum is `total`, as far as floors and caps
// allow. Weights are at least 0; all 0: equal parts. Of equal remainders the first is rounded up.
std::vector<std::int64_t> share_out(const std::vector<double>& weights, std::int64_t total,
                                    std::int64_t floor, std::int64_t cap);

}  // namespace terrace
