// The answer to a query as table, CSV (RFC 4180), JSON and plot.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "results/query.h"
#include "results/scatter.h"

namespace terrace {
namespace {

std::string all_digits(double value) {  // shortest text that reads back as the same number
  return fmt::format("{}", value);
}

std::string csv_text(const std::string& text) {
  if (!text.empty() && text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

std::string csv_cell(const Answer::Cell& cell) {
  if (const auto* text = std::get_if<std::string>(&cell)) return csv_text(*text);
  if (const auto* number = std::get_if<double>(&cell)) return all_digits(*number);
  if (const auto* number = std::get_if<std::int64_t>(&cell)) return fmt::format("{}", *number);
  return "";
}

std::string grid_cell(const Answer::Cell& cell) {
  if (const auto* text = std::get_if<std::string>(&cell)) return *text;
  if (const auto* number = std::get_if<double>(&cell)) return fmt::format("{:.6g}", *number);
  if (const auto* number = std::get_if<std::int64_t>(&cell)) return fmt::format("{}", *number);
  return "–";
}

std::string json_text(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string json_cell(const Answer::Cell& cell) {
  if (const auto* text = std::get_if<std::string>(&cell)) return json_text(*text);
  if (const auto* number = std::get_if<double>(&cell)) {
    if (std::isfinite(*number)) return all_digits(*number);
    return *number > 0 ? "\"inf\"" : "\"-inf\"";  // JSON has no infinity; SQLite has no NaN
  }
  if (const auto* number = std::get_if<std::int64_t>(&cell)) return fmt::format("{}", *number);
  return "null";
}

}  // namespace

Grid Answer::grid() const {
  Grid grid;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    bool number = !rows.empty();
    for (const auto& row : rows) number = number && !std::holds_alternative<std::string>(row[c]);
    grid.columns.push_back({columns[c], number});
  }
  for (const auto& row : rows) {
    std::vector<std::string> cells;
    cells.reserve(row.size());
    for (const Cell& c : row) cells.push_back(grid_cell(c));
    grid.add(std::move(cells));
  }
  return grid;
}

std::string Answer::csv() const {
  std::string out;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    out += (c > 0 ? "," : "") + csv_text(columns[c]);
  }
  out += "\r\n";
  for (const auto& row : rows) {
    for (std::size_t c = 0; c < row.size(); ++c) out += (c > 0 ? "," : "") + csv_cell(row[c]);
    out += "\r\n";
  }
  return out;
}

std::string Answer::json() const {
  std::vector<std::string> keys;
  std::map<std::string, int> seen;
  for (const std::string& column : columns) {
    const int count = ++seen[column];
    keys.push_back(json_text(count == 1 ? column : fmt::format("{}_{}", column, count)));
  }
  std::string out = "[";
  const char* separator = "\n";
  for (const auto& row : rows) {
    out += separator;
    separator = ",\n";
    for (std::size_t c = 0; c < row.size(); ++c) {
      out += (c > 0 ? ", " : "{") + keys[c] + ": " + json_cell(row[c]);
    }
    out += "}";
  }
  return out + (rows.empty() ? "]\n" : "\n]\n");
}

std::string Answer::svg(const std::string& title) const {
  if (columns.size() < 2 || columns.size() > 4)
    throw QueryError("a plot needs the columns x and y, and may have series and label");
  const auto number = [](const Cell& cell) {
    if (const auto* real = std::get_if<double>(&cell)) return *real;
    if (const auto* whole = std::get_if<std::int64_t>(&cell)) return static_cast<double>(*whole);
    return std::nan("");
  };
  const auto axis = [&](std::size_t column) {
    double low = HUGE_VAL, high = -HUGE_VAL;
    for (const auto& row : rows) {
      if (std::holds_alternative<std::string>(row[column]))
        throw QueryError("column " + columns[column] +
                         " is text; a plot needs numbers for x and y");
      if (const double x = number(row[column]); std::isfinite(x))
        low = std::min(low, x), high = std::max(high, x);
    }
    return ScatterAxis{columns[column], low > 0 && high / low > 10};
  };
  Scatter plot{title, axis(0), axis(1), {}};
  for (const auto& row : rows) {
    const std::string name = row.size() > 2 ? grid_cell(row[2]) : "";
    auto series = std::find_if(plot.series.begin(), plot.series.end(),
                               [&](const ScatterSeries& s) { return s.name == name; });
    if (series == plot.series.end()) series = plot.series.insert(series, ScatterSeries{name, {}});
    const bool labelled = row.size() > 3 && !std::holds_alternative<std::monostate>(row[3]);
    series->points.push_back({number(row[0]), number(row[1]), labelled ? grid_cell(row[3]) : ""});
  }
  return svg_of({plot});
}

}  // namespace terrace
