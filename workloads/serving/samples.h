// Samples with multiplicity, their mean and their percentiles as numpy's default gives them.
#pragma once

#include <cstdint>
#include <vector>

namespace terrace {

class Samples {
 public:
  void add(double value, std::int64_t count = 1);
  void reserve(std::size_t n) { runs_.reserve(n); }
  std::int64_t count() const { return count_; }
  double mean() const;  // 0 without samples
  // Linear interpolation between the samples around rank q (count - 1), 0 <= q <= 1; 0 without
  // samples.
  double quantile(double q) const;

 private:
  struct Run {
    double value;
    std::int64_t count;
  };
  mutable std::vector<Run> runs_;
  mutable bool sorted_ = true;
  std::int64_t count_ = 0;
};

}  // namespace terrace
