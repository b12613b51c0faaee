// Joins neighbouring tokens, the best pair first, until no pair joins: what every byte-pair
// encoding does.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace terrace {

struct JoinedPair {
  double cost = 0;  // the least goes first; of equals the leftmost
  std::int32_t token = 0;
};
using JoinPair = std::function<std::optional<JoinedPair>(std::int32_t left, std::int32_t right)>;

// n log n in the number of tokens, whatever the text.
void merge_pieces(std::vector<std::int32_t>& tokens, const JoinPair& join);

}  // namespace terrace
