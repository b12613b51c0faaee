// Finds the nearest known word by edit distance, blind to case and hyphens.
#include "sim/suggest.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace terrace {
namespace {

// Damerau-Levenshtein (optimal string alignment), of lower-cased words.
std::size_t distance(const std::string& a, const std::string& b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i)
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
      d[i][j] = std::min({change, d[i - 1][j] + 1, d[i][j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  return d[a.size()][b.size()];
}

std::string folded(std::string_view word) {
  std::string out;
  for (const char c : word)
    out +=
        c == '-' || c == ' ' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

}  // namespace

std::string suggest(std::string_view word, const std::vector<std::string>& candidates) {
  const std::string wanted = folded(word);
  if (wanted.empty() || wanted.size() > 100) return "";
  std::string best;
  double best_cost = 1e9;
  for (const std::string& candidate : candidates) {
    const std::string other = folded(candidate);
    if (other.empty() || other.size() > 200) continue;
    const std::size_t longer = std::max(wanted.size(), other.size());
    const double limit = longer <= 2 ? 0.5 : std::max(1.0, static_cast<double>(longer) / 3);
    double cost = static_cast<double>(distance(wanted, other));
    const bool inside = wanted.size() >= 3 && other.find(wanted) != std::string::npos;
    const bool around = other.size() >= 3 && wanted.find(other) != std::string::npos;
    if (inside || around) cost = std::min(cost, limit);
    if (cost == 0 && candidate != word) cost = 0.25;  // only case or hyphens differ
    if (cost <= limit && cost < best_cost) {
      best = candidate;
      best_cost = cost;
    }
  }
  return best;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
  const std::string best = suggest(word, candidates);
  return best.empty() ? "" : fmt::format(". did you mean \"{}\"?", best);
}

}  // namespace terrace
