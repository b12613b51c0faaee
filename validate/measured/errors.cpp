// Sums of errors: medians and quantiles as in results/distribution.h.
#include "validate/measured/errors.h"

#include <algorithm>

#include "results/distribution.h"

namespace terrace::validate {

std::string MeasuredRow::name() const {
  std::string text = source + ", " + hardware;
  if (gpus > 1) text += " x " + std::to_string(gpus);
  for (const std::string& part : {model, dtype, what, shape})
    if (!part.empty()) text += ", " + part;
  return text;
}

bool is_rate(const std::string& unit) {
  const std::size_t slash = unit.find("/s");
  return slash != std::string::npos && (slash + 2 == unit.size() || unit[slash + 2] == '/');
}

double si_factor(const std::string& unit) {
  static const std::map<std::string, double> factors = {
      {"ms", 1e-3}, {"us", 1e-6}, {"ns", 1e-9}, {"GB/s", 1e9}};
  const auto found = factors.find(unit);
  return found == factors.end() ? 1 : found->second;
}

double error_of(const MeasuredRow& row, double predicted) {
  return is_rate(row.unit) ? row.value / predicted - 1 : predicted / row.value - 1;
}

ErrorSums sums_of(const std::vector<float>& errors) {
  ErrorSums sums;
  sums.rows = errors.size();
  std::vector<double> sizes(errors.begin(), errors.end());
  const auto share = [&](double limit) {
    return static_cast<double>(std::upper_bound(sizes.begin(), sizes.end(), limit) -
                               sizes.begin()) /
           static_cast<double>(sizes.size());
  };
  for (double& size : sizes) {
    sums.bias += size / static_cast<double>(errors.size());
    size = std::abs(size);
  }
  if (sizes.empty()) sums.bias = std::numeric_limits<double>::quiet_NaN();
  std::sort(sizes.begin(), sizes.end());
  sums.median = quantile(sizes, 0.5);
  sums.p90 = quantile(sizes, 0.9);
  sums.within_10 = share(0.1);
  sums.within_20 = share(0.2);
  return sums;
}

void Errors::compared(const MeasuredRow& row, const RowClass& as, double predicted,
                      std::optional<std::int64_t> run) {
  const double error = error_of(row, predicted);
  const std::string* names[by_count] = {&as.family, &as.op, &as.size, &row.hardware};
  for (std::size_t i = 0; i < by_count; ++i)
    groups_[i][*names[i]].push_back(static_cast<float>(error));
  ++rows_;
  const bool rate = is_rate(row.unit);
  if (rate || row.unit == "s" || si_factor(row.unit) != 1) {
    const double si = si_factor(row.unit);
    points_[(rate ? "rate: " : "") + as.op].push_back(
        {static_cast<float>(row.value * si), static_cast<float>(predicted * si)});
  }
  if (keep_) keep_(row, as, predicted, run);
  Worsts& worst = worst_[static_cast<std::size_t>(as.section)];
  const double off = std::abs(std::log(predicted / row.value));
  if (worst.size() == worst_count && off <= worst.back().first) return;
  const auto place = std::upper_bound(worst.begin(), worst.end(), off,
                                      [](double o, const auto& w) { return o > w.first; });
  worst.insert(place, {off, {row, predicted, error}});
  if (worst.size() > worst_count) worst.pop_back();
}

void Errors::left_out(const std::string& family, const std::string& reason, std::size_t rows) {
  for (LeftOut& l : left_out_)
    if (l.family == family && l.reason == reason) {
      l.rows += rows;
      return;
    }
  left_out_.push_back({family, reason, rows});
}

}  // namespace terrace::validate
