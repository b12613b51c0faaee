// One SQL question to the results database, which it cannot change, and the answer as table, CSV or
// JSON.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "results/database.h"
#include "results/page.h"

namespace terrace {

// What is wrong with the SQL: "line:column: what. did you mean …?", and below it the line of SQL
// with a mark under the place.
class QueryError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Answer {
  using Cell = std::variant<std::monostate, std::int64_t, double, std::string>;  // monostate: NULL
  std::vector<std::string> columns;
  std::vector<std::vector<Cell>> rows;

  Grid grid() const;        // for people: 6 digits; NULL is "–"; numeric columns aligned right
  std::string csv() const;  // RFC 4180: CRLF; NULL is nothing, "" is an empty string; all digits
  // Columns x and y (numbers), then, where there are, series and label (text). A column whose
  // values are all above zero and spread over more than 1 : 10 gets a logarithmic axis. Throws
  // QueryError.
  std::string svg(const std::string& title) const;
  std::string json() const;  // list of objects; the second column of a name gets "_2"; all digits
};

// Runs one SELECT (or EXPLAIN, VALUES, PRAGMA table_info and the like). Anything that would write,
// attach or change a setting is refused, whatever the mode of the database. Blobs come as
// hexadecimal.
Answer query(const Database& database, std::string_view sql);

}  // namespace terrace
