// A measurement laid beside a prediction of the same cases, point by point.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "results/page.h"

namespace terrace::cuda {

struct ComparedCase {
  std::string group, text, unit;
  double measured = 0, predicted = 0;
  // Of the time: how much longer the prediction takes; for rates, how much slower it is.
  double error() const;
};

struct Compared {
  std::vector<ComparedCase> cases;
  std::vector<std::string> only_measured, only_predicted;  // cases without a partner
  // Decode attention over at least 32,768 tokens a sequence, median, as a share of the best copy.
  std::optional<double> decode_share;
};

// Both texts are JSON as BenchReport and BenchPrediction write it; throws std::runtime_error.
Compared compare(const std::string& measured, const std::string& predicted);

// By group: median and 90th percentile of |error|, bias; then the twenty worst cases.
Page compare_page(const std::string& measured_file, const std::string& predicted_file);

}  // namespace terrace::cuda
