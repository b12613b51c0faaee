// The text of a trace file, and the mistakes found in it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sim/config.h"
#include "sim/reader.h"

namespace terrace {

class TraceText {
 public:
  explicit TraceText(const FilePath& file);  // throws BuildError("file") when it cannot be read
  TraceText(std::string name, std::string text);

  bool next_line();  // false at the end; a byte order mark, "\n" and "\r\n" are left out
  std::string_view line() const { return line_; }
  int number() const { return number_; }  // of the line, from 1

  // A mistake at a byte of the present line: `file:line:column: column "field": what`. The eighth
  // ends the reading: throws ConfigError.
  void fail(std::size_t offset, std::string_view field, const std::string& what);
  void fail(const char* at, std::string_view field, const std::string& what);  // inside line()
  bool failed() const { return !mistakes_.empty(); }
  void raise() const { mistakes_.raise(); }

 private:
  std::shared_ptr<const std::string> name_;
  std::string text_;
  std::string_view rest_, line_;
  int number_ = 0;
  Mistakes mistakes_;
};

std::string quote(std::string_view text);  // "…": printable and short, for messages

}  // namespace terrace
