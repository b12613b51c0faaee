// Rows of the public operator tables, and the statistics of a prediction's errors over them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace terrace::gpu_test {

// The shared data, or "" where the whole shared folder is absent.
inline std::string shared_data() {
  if (const char* told = std::getenv("TERRACE_SHARED")) return told;
  const std::string shared = std::string(TERRACE_SOURCE_DIR) + "/../shared";
  return std::filesystem::is_directory(shared) ? shared + "/data" : "";
}

struct TableRow {
  std::map<std::string, std::size_t>* columns;
  std::vector<std::string> cells;
  const std::string& text(const std::string& column) const { return cells.at(columns->at(column)); }
  double number(const std::string& column) const {
    const auto found = columns->find(column);
    return found == columns->end() ? 0 : std::atof(cells.at(found->second).c_str());
  }
};

// Calls `row` for each line of a gzipped CSV file with a header. No cell has a comma in it.
template <class F>
void each_row(const std::string& file, F row) {
  if (!std::filesystem::exists(file)) throw std::runtime_error(file + " is missing");
  std::FILE* pipe = popen(("gzip -dc '" + file + "'").c_str(), "r");
  if (!pipe) throw std::runtime_error("gzip cannot be started");
  std::map<std::string, std::size_t> columns;
  TableRow r{&columns, {}};
  char line[4096];
  while (std::fgets(line, sizeof line, pipe)) {
    r.cells.assign(1, "");
    for (const char* c = line; *c && *c != '\n' && *c != '\r'; ++c) {
      if (*c == ',')
        r.cells.emplace_back();
      else
        r.cells.back() += *c;
    }
    if (columns.empty())
      for (std::size_t i = 0; i < r.cells.size(); ++i) columns[r.cells[i]] = i;
    else
      row(r);
  }
  pclose(pipe);
}

struct Errors {
  std::vector<double> all;  // predicted / measured - 1
  void add(double predicted, double measured) { all.push_back(predicted / measured - 1); }
  static double quantile(std::vector<double> v, double q) {
    if (v.empty()) return 0;
    const auto at = static_cast<std::size_t>(q * double(v.size() - 1));
    std::nth_element(v.begin(), v.begin() + std::ptrdiff_t(at), v.end());
    return v[at];
  }
  double bias() const { return quantile(all, 0.5); }
  double size(double q) const {
    std::vector<double> v;
    for (const double e : all) v.push_back(std::abs(e));
    return quantile(std::move(v), q);
  }
  std::string text() const {
    char line[120];
    std::snprintf(line, sizeof line, "n=%6zu  median %.3f  p90 %.3f  bias %+.3f", all.size(),
                  size(0.5), size(0.9), bias());
    return line;
  }
};

}  // namespace terrace::gpu_test
