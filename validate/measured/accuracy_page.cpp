// Errors by op, size, GPU and family; the worst rows; what is not compared.
#include "validate/measured/accuracy_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "results/human.h"

namespace terrace::validate {
namespace {

constexpr std::pair<Errors::By, const char*> groupings[] = {{Errors::By::op, "op"},
                                                            {Errors::By::size, "size"},
                                                            {Errors::By::hardware, "GPU"},
                                                            {Errors::By::family, "family"}};

Grid sums(const Errors& errors, Errors::By by, const char* name) {
  Grid grid;
  grid.columns = {{name, false},  {"rows", true},        {"median", true},     {"p90", true},
                  {"bias", true}, {"within 10 %", true}, {"within 20 %", true}};
  for (const auto& [group, all] : errors.by(by)) {
    const ErrorSums s = sums_of(all);
    grid.add({group, human_count(static_cast<double>(s.rows)), human_percent(s.median),
              human_percent(s.p90), human_signed_percent(s.bias), human_percent(s.within_10),
              human_percent(s.within_20)});
  }
  return grid;
}

Grid worst(const Errors::Worsts& rows) {
  Grid grid;
  grid.columns = {{"row", false},
                  {"measured", true},
                  {"predicted", true},
                  {"error", true},
                  {"read from", false}};
  for (const auto& [off, w] : rows)
    grid.add({w.row.name(), fmt::format("{:.4g} {}", w.row.value, w.row.unit),
              fmt::format("{:.4g} {}", w.predicted, w.row.unit), human_signed_percent(w.error),
              fmt::format("{}:{}", w.row.file, w.row.line)});
  return grid;
}

Grid left_out(const Errors& errors) {
  std::vector<LeftOut> all = errors.left_out();
  std::stable_sort(all.begin(), all.end(),
                   [](const LeftOut& a, const LeftOut& b) { return a.family < b.family; });
  Grid grid;
  grid.columns = {{"rows of", false}, {"rows", true}, {"why they are not compared", false}};
  for (const LeftOut& l : all)
    grid.add({l.family, human_count(static_cast<double>(l.rows)), l.reason});
  return grid;
}

}  // namespace

Page page_of(const Errors& errors, const std::string& plot) {
  Page page;
  page.title("Accuracy against measured rows");
  std::size_t missing = 0;
  for (const LeftOut& l : errors.left_out()) missing += l.rows;
  page.line(fmt::format(
      "{} measured rows are compared, {} are named below with the reason why not. The error of a "
      "row is predicted over measured time, less one; rates are turned into times first, so that "
      "above zero Terrace is too slow. Median and p90 are of its size, the bias is its mean. "
      "Constants of kernels and links were fitted to parts of the vLLM and NCCL tables "
      "(configs/gpu, configs/link say which); nothing was fitted to any run.",
      human_count(static_cast<double>(errors.rows())), human_count(static_cast<double>(missing))));
  if (!plot.empty())
    page.line(
        fmt::format("![Predicted against measured, every op]("
                    "{})",
                    plot));
  for (const auto& [by, name] : groupings) {
    page.heading(std::string("By ") + name);
    page.table(sums(errors, by, name));
  }
  const auto add = [&](const char* title, RowClass::Section section) {
    if (errors.worst(section).empty()) return;
    page.heading(fmt::format("The worst {} {}", errors.worst(section).size(), title));
    page.table(worst(errors.worst(section)));
  };
  add("operators", RowClass::Section::operators);
  add("figures of runs", RowClass::Section::runs);
  if (!errors.left_out().empty()) {
    page.heading("Not compared");
    page.table(left_out(errors));
  }
  return page;
}

std::vector<AccuracyRow> rows_of(const Errors& errors, const std::string& code_version) {
  std::vector<AccuracyRow> rows;
  for (const auto& [by, name] : groupings)
    for (const auto& [group, all] : errors.by(by)) {
      const ErrorSums s = sums_of(all);
      rows.push_back({by == Errors::By::hardware ? "hardware" : name, group,
                      static_cast<std::int64_t>(s.rows), s.median, s.p90, s.bias, s.within_10,
                      s.within_20, code_version});
    }
  return rows;
}

PredictedMeasurement kept(const MeasuredRow& row, const RowClass& as, double predicted,
                          std::optional<RunId> run) {
  PredictedMeasurement m;
  m.run = run;
  m.measured = {row.source, row.what, row.unit, row.value};
  m.predicted = predicted;
  m.family = as.family;
  m.hardware = row.hardware;
  m.gpus = row.gpus;
  m.model = row.model;
  m.dtype = row.dtype;
  m.shape = row.shape;
  m.citation = fmt::format("{}:{}; {}", row.file, row.line, row.citation);
  return m;
}

}  // namespace terrace::validate
