// Proportional parts with floors and caps, rounded by largest remainder.
#include "workloads/kv/budget/share_out.h"

#include <algorithm>
#include <cmath>

namespace terrace {

std::vector<std::int64_t> share_out(const std::vector<double>& weights, std::int64_t total,
                                    std::int64_t floor, std::int64_t cap) {
  const std::size_t n = weights.size();
  const auto count = static_cast<std::int64_t>(n);
  floor = std::min(floor, cap);
  total = std::clamp(total, count * floor, count * cap);
  std::vector<double> w = weights, part(n, 0.0);
  double sum = 0;
  for (const double each : w) sum += each;
  if (!(sum > 0) || !std::isfinite(sum)) std::fill(w.begin(), w.end(), 1.0);
  std::vector<std::uint8_t> full(n, 0);
  auto rest = static_cast<double>(total - count * floor);
  const auto most = static_cast<double>(cap - floor);
  // Whoever would get more than the cap is filled; the others share again.
  for (bool again = true; again;) {
    again = false;
    double open = 0;
    std::int64_t left = 0;
    for (std::size_t i = 0; i < n; ++i)
      if (full[i] == 0) open += w[i], ++left;
    for (std::size_t i = 0; i < n; ++i) {
      if (full[i] != 0) continue;
      part[i] = open > 0 ? rest * w[i] / open : rest / static_cast<double>(left);
      if (part[i] <= most) continue;
      full[i] = 1;
      again = true;
    }
    if (!again) break;
    rest = static_cast<double>(total - count * floor);
    for (std::size_t i = 0; i < n; ++i)
      if (full[i] != 0) rest -= part[i] = most;
  }
  std::vector<std::int64_t> tokens(n);
  std::vector<std::size_t> order(n);
  std::int64_t given = 0;
  for (std::size_t i = 0; i < n; ++i) {
    tokens[i] = floor + static_cast<std::int64_t>(part[i] + 1e-9);
    given += tokens[i];
    order[i] = i;
  }
  const auto rest_of = [&](std::size_t i) { return part[i] - std::floor(part[i] + 1e-9); };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return rest_of(a) > rest_of(b) + 1e-12; });
  while (given < total)
    for (std::size_t i = 0; i < n && given < total; ++i)
      if (tokens[order[i]] < cap) ++tokens[order[i]], ++given;
  return tokens;
}

}  // namespace terrace
