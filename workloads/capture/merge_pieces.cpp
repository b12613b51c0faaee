// A list of tokens and a heap of the pairs that could be joined; pairs that are no more are left
// out when they come up.
#include "workloads/capture/merge_pieces.h"

#include <queue>

namespace terrace {
namespace {

struct Pair {
  double cost;
  std::int64_t left, right;  // places in the list
  std::int32_t left_token, right_token, token;
  bool operator>(const Pair& o) const { return cost != o.cost ? cost > o.cost : left > o.left; }
};

}  // namespace

void merge_pieces(std::vector<std::int32_t>& tokens, const JoinPair& join) {
  const auto count = static_cast<std::int64_t>(tokens.size());
  const auto at = [](std::int64_t i) { return static_cast<std::size_t>(i); };
  std::vector<std::int64_t> before(tokens.size()), after(tokens.size());
  std::priority_queue<Pair, std::vector<Pair>, std::greater<>> heap;
  const auto offer = [&](std::int64_t left, std::int64_t right) {
    if (left < 0 || right >= count) return;
    const std::int32_t a = tokens[at(left)], b = tokens[at(right)];
    if (const auto joined = join(a, b)) heap.push({joined->cost, left, right, a, b, joined->token});
  };
  for (std::int64_t i = 0; i < count; ++i) {
    before[at(i)] = i - 1;
    after[at(i)] = i + 1;
    offer(i, i + 1);
  }
  constexpr std::int32_t gone = -1;
  while (!heap.empty()) {
    const Pair p = heap.top();
    heap.pop();
    if (tokens[at(p.left)] != p.left_token || tokens[at(p.right)] != p.right_token ||
        after[at(p.left)] != p.right)
      continue;
    tokens[at(p.left)] = p.token;
    tokens[at(p.right)] = gone;
    const std::int64_t next = after[at(p.right)];
    after[at(p.left)] = next;
    if (next < count) before[at(next)] = p.left;
    offer(before[at(p.left)], p.left);
    offer(p.left, next);
  }
  std::size_t kept = 0;
  for (const std::int32_t token : tokens)
    if (token != gone) tokens[kept++] = token;
  tokens.resize(kept);
}

}  // namespace terrace
