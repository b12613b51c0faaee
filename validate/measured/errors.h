// Errors of predictions over many rows, and their sums by family, op, size and GPU.
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "validate/measured/row.h"

namespace terrace::validate {

// Relative error of the time a row stands for: rates and their errors are turned around, so that
// above zero always means that Terrace is too slow. Other units: relative error of the value.
double error_of(const MeasuredRow& row, double predicted);
bool is_rate(const std::string& unit);      // "tok/s", "GB/s", …
double si_factor(const std::string& unit);  // of "ms": 0.001; 1 for what it does not know

struct ErrorSums {
  std::size_t rows = 0;
  double median = 0, p90 = 0;           // of |error|
  double bias = 0;                      // mean error
  double within_10 = 0, within_20 = 0;  // share of rows
};
ErrorSums sums_of(const std::vector<float>& errors);  // NaN but for `rows` when there are none

struct Worst {
  MeasuredRow row;
  double predicted = 0, error = 0;
};

struct LeftOut {  // rows of a family that are not compared, and why
  std::string family, reason;
  std::size_t rows = 0;
};

// The place all predictions end up in.
class Errors {
 public:
  enum class By : std::uint8_t { family, op, size, hardware };
  static constexpr std::size_t by_count = 4;
  // Called for every compared row: what a database keeps.
  using Keep = std::function<void(const MeasuredRow&, const RowClass&, double predicted,
                                  std::optional<std::int64_t> run)>;

  explicit Errors(Keep keep = {}) : keep_(std::move(keep)) {}
  void compared(const MeasuredRow& row, const RowClass& as, double predicted,
                std::optional<std::int64_t> run = std::nullopt);
  void left_out(const std::string& family, const std::string& reason, std::size_t rows = 1);

  const std::map<std::string, std::vector<float>>& by(By key) const {
    return groups_[static_cast<std::size_t>(key)];
  }
  const std::vector<LeftOut>& left_out() const { return left_out_; }
  using Worsts = std::vector<std::pair<double, Worst>>;  // |log(predicted / measured)|, the row
  const Worsts& worst(RowClass::Section section) const {
    return worst_[static_cast<std::size_t>(section)];
  }
  // (measured, predicted) in SI units, by op; of rates by "rate: " and the op.
  using Points = std::vector<std::pair<float, float>>;
  const std::map<std::string, Points>& points() const { return points_; }
  std::size_t rows() const { return rows_; }

 private:
  static constexpr std::size_t worst_count = 20;
  Keep keep_;
  std::map<std::string, std::vector<float>> groups_[by_count];
  std::vector<LeftOut> left_out_;
  Worsts worst_[2];
  std::map<std::string, Points> points_;
  std::size_t rows_ = 0;
};

}  // namespace terrace::validate
