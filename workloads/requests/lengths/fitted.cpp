// Draws from tabled CDFs whose ranks follow a table of counts.
#include "workloads/requests/lengths/fitted.h"

#include <algorithm>
#include <cmath>

namespace terrace {
namespace {

// Where `at`, between 0 and the sum of counts, falls: in which band, and how far into it.
struct Band {
  std::size_t index = 0;
  double inside = 0;
};
Band find(const std::array<int, 10>& counts, double at) {
  Band band;
  while (band.index + 1 < counts.size() && at >= counts[band.index]) at -= counts[band.index++];
  while (counts[band.index] == 0) --band.index;  // rounding took it past the last that has any
  band.inside = std::min(1.0, at / counts[band.index]);
  return band;
}

}  // namespace

FittedLengths::FittedLengths(Table input, Table output, const RankTable& ranks)
    : input_(input), output_(output), ranks_(ranks) {
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    for (std::size_t j = 0; j < ranks.size(); ++j) {
      rows_[i] += ranks[i][j];
      columns_[j] += ranks[i][j];
      total_ += ranks[i][j];
    }
  }
}

std::int64_t FittedLengths::Table::quantile(double u) const {
  const Knot* high = std::lower_bound(knots + 1, knots + count - 1, u,
                                      [](const Knot& k, double share) { return k.share < share; });
  const Knot* low = high - 1;
  const double part = (u - low->share) / (high->share - low->share);
  return static_cast<std::int64_t>(std::ceil(low->tokens + part * (high->tokens - low->tokens)));
}

RequestLengths::Pair FittedLengths::draw(RandomStream& random) const {
  const double u = random.uniform();
  const std::size_t row = find(rows_, u * total_).index;
  const Band column = find(ranks_[row], random.uniform() * rows_[row]);
  double below = column.inside * columns_[column.index];
  for (std::size_t j = 0; j < column.index; ++j) below += columns_[j];
  const double v = std::clamp(below / total_, 0x1p-53, 1 - 0x1p-53);
  return {input_.quantile(u), output_.quantile(v)};
}

}  // namespace terrace
