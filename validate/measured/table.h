// A table of measurements: a CSV file with a header, plain or gzipped, whose mistakes have a place.
#pragma once

#include <string>
#include <vector>

#include "workloads/requests/trace/csv_reader.h"

namespace terrace::validate {

class Table {
 public:
  using Columns = std::vector<CsvReader::Column>;
  // Throws BuildError where the file cannot be read, ConfigError where its header is wrong.
  Table(const std::string& file, Columns columns, const std::vector<std::string>& ignored = {});
  Table(std::string name, std::string text, Columns columns,
        const std::vector<std::string>& ignored = {});

  bool next() { return csv_.next(); }  // throws ConfigError with the mistakes at the end
  bool has(std::size_t column) const { return csv_.has(column); }
  std::string text(std::size_t column) const {  // "" where there is no such column
    return csv_.has(column) ? std::string(csv_.cell(column)) : std::string();
  }
  // A number above or equal to `least`; a mistake, and NaN, otherwise.
  double number(std::size_t column, double least = 0);
  int line() const { return text_.number(); }
  void raise() const { text_.raise(); }  // every mistake found so far

 private:
  TraceText text_;
  CsvReader csv_;
};

// The whole of a file; what ends in .gz is unpacked. Throws BuildError.
std::string contents(const std::string& file);

}  // namespace terrace::validate
