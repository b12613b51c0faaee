// CSV with a header: rows of cells, each known by its column's name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "workloads/requests/trace/trace_text.h"

namespace terrace {

class CsvReader {
 public:
  struct Column {
    std::string name;
    bool required = true;
  };
  // Reads the header. Throws ConfigError when a required column is missing, one comes twice, or one
  // is neither in `columns` nor in `ignored`.
  CsvReader(TraceText& text, std::vector<Column> columns, const std::vector<std::string>& ignored);

  bool next();  // the next row that is not blank; rows with a wrong number of cells are mistakes
  bool has(std::size_t column) const { return position_[column] >= 0; }
  std::string_view cell(std::size_t column) const;  // of the present row; index into `columns`
  bool count(std::size_t column, std::int64_t low, std::int64_t high, std::int64_t& out);
  void fail(std::size_t column, const std::string& what);

 private:
  bool split();  // cells of the present line; false, and a mistake, when a quote is not closed

  TraceText& text_;
  std::vector<Column> columns_;
  std::vector<int> position_;  // of each column among the cells; -1: not there
  std::vector<std::string_view> cells_;
  std::size_t width_ = 0;
};

}  // namespace terrace
