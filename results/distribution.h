// Mean and quantiles of a set of numbers.
#pragma once

#include <cstddef>
#include <vector>

namespace terrace {

// The q-quantile (0 … 1) of sorted numbers, linear between neighbours: NumPy's default, type 7 of
// Hyndman and Fan (1996). NaN when there are none.
double quantile(const std::vector<double>& sorted, double q);

struct Distribution {
  std::size_t count = 0;
  double mean = 0, p50 = 0, p90 = 0, p95 = 0, p99 = 0;  // NaN when count is 0
};
Distribution distribution(std::vector<double> values);

// Pearson's r of two equally long lists; NaN for fewer than two pairs or a constant list.
double correlation(const std::vector<double>& x, const std::vector<double>& y);

}  // namespace terrace
