// Splits lines into cells (RFC 4180, without line ends inside quotes) and finds columns by name.
#include "workloads/requests/trace/csv_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "sim/suggest.h"
#include "workloads/requests/trace/numbers.h"

namespace terrace {

CsvReader::CsvReader(TraceText& text, std::vector<Column> columns,
                     const std::vector<std::string>& ignored)
    : text_(text), columns_(std::move(columns)), position_(columns_.size(), -1) {
  std::vector<std::string> names;
  for (const Column& column : columns_) names.push_back(column.name);
  const std::string header = fmt::format("{}", fmt::join(names, ","));
  do {
    if (!text_.next_line()) {
      text_.fail(std::size_t{0}, "", "empty file; expected a header such as " + header);
      text_.raise();
    }
  } while (text_.line().empty());
  if (!split()) text_.raise();
  width_ = cells_.size();
  std::vector<std::string_view> seen;
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    const std::string name(cells_[i]);
    if (std::find(seen.begin(), seen.end(), cells_[i]) != seen.end())
      text_.fail(cells_[i].data(), "", "two columns named " + quote(name));
    seen.push_back(cells_[i]);
    const auto known = std::find(names.begin(), names.end(), name);
    if (known != names.end())
      position_[static_cast<std::size_t>(known - names.begin())] = static_cast<int>(i);
    else if (std::find(ignored.begin(), ignored.end(), name) == ignored.end())
      text_.fail(cells_[i].data(), "",
                 fmt::format("unknown column {}{}", quote(name), did_you_mean(name, names)));
  }
  for (std::size_t c = 0; c < columns_.size(); ++c)
    if (columns_[c].required && !has(c))
      text_.fail(std::size_t{0}, columns_[c].name, "missing; the header must name " + header);
  text_.raise();
}

bool CsvReader::split() {
  cells_.clear();
  std::string_view rest = text_.line();
  for (;;) {
    if (!rest.empty() && rest[0] == '"') {
      std::size_t end = 1;  // of the text inside; doubled quotes stay doubled
      while (end < rest.size() && (rest[end] != '"' || rest.substr(end, 2) == "\"\""))
        end += rest[end] == '"' ? 2 : 1;
      if (end >= rest.size() || (end + 1 < rest.size() && rest[end + 1] != ',')) {
        text_.fail(rest.data(), "", "a quote that does not close where the cell ends");
        return false;
      }
      cells_.push_back(rest.substr(1, end - 1));
      rest.remove_prefix(end + 1);
    } else {
      const std::size_t end = std::min(rest.find(','), rest.size());
      cells_.push_back(rest.substr(0, end));
      rest.remove_prefix(end);
    }
    if (rest.empty()) return true;
    rest.remove_prefix(1);  // the comma: another cell follows, perhaps an empty one
  }
}

bool CsvReader::next() {
  while (text_.next_line()) {
    if (text_.line().empty() || !split()) continue;
    if (cells_.size() == width_) return true;
    text_.fail(std::size_t{0}, "",
               fmt::format("{} cells where the header has {}", cells_.size(), width_));
  }
  return false;
}

std::string_view CsvReader::cell(std::size_t column) const {
  return cells_[static_cast<std::size_t>(position_[column])];
}

bool CsvReader::count(std::size_t column, std::int64_t low, std::int64_t high, std::int64_t& out) {
  std::string why;
  const bool good = parse_count(cell(column), low, high, out, why);
  if (!good) fail(column, why);
  return good;
}

void CsvReader::fail(std::size_t column, const std::string& what) {
  text_.fail(cell(column).data(), columns_[column].name, what);
}

}  // namespace terrace
