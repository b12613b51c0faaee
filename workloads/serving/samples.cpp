// Percentiles of runs of equal samples.
#include "workloads/serving/samples.h"

#include <algorithm>
#include <cmath>

namespace terrace {

void Samples::add(double value, std::int64_t count) {
  if (count <= 0) return;
  count_ += count;
  if (!runs_.empty() && runs_.back().value == value) {
    runs_.back().count += count;
    return;
  }
  if (!runs_.empty() && value < runs_.back().value) sorted_ = false;
  runs_.push_back({value, count});
}

double Samples::mean() const {
  double sum = 0;
  for (const Run& r : runs_) sum += r.value * static_cast<double>(r.count);
  return count_ > 0 ? sum / static_cast<double>(count_) : 0;
}

double Samples::quantile(double q) const {
  if (count_ == 0) return 0;
  if (!sorted_) {
    std::stable_sort(runs_.begin(), runs_.end(),
                     [](const Run& a, const Run& b) { return a.value < b.value; });
    sorted_ = true;
  }
  const double rank = q * static_cast<double>(count_ - 1);
  const auto below = static_cast<std::int64_t>(std::floor(rank));
  std::int64_t seen = 0;
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    seen += runs_[i].count;
    if (seen <= below) continue;
    const double low = runs_[i].value;
    const double high = below + 1 < seen || i + 1 == runs_.size() ? low : runs_[i + 1].value;
    return low + (high - low) * (rank - static_cast<double>(below));
  }
  return runs_.back().value;
}

}  // namespace terrace
