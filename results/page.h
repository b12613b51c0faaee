// What is shown to a person: headings, lines and tables, written for a terminal or as Markdown.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace terrace {

struct Grid {  // a table of text; columns that are all numbers are best aligned right
  struct Column {
    std::string name;
    bool right = false;
  };
  std::vector<Column> columns;  // no heading line when all names are empty
  std::vector<std::vector<std::string>> rows;

  void add(std::vector<std::string> row) { rows.push_back(std::move(row)); }
};

struct PageStyle {
  std::size_t width = 100;  // columns of the terminal; 0: as wide as it gets
  bool colour = false;      // ANSI escapes
};

// Columns two spaces apart. Where the width is not enough, the widest left-aligned column is cut
// with "…". Control characters are shown as escapes, so that a cell is one line.
std::string text_of(const Grid& grid, const PageStyle& style = {});
std::string markdown_of(const Grid& grid);

class Page {
 public:
  void title(std::string text) { add(Kind::title, std::move(text)); }
  void heading(std::string text) { add(Kind::heading, std::move(text)); }
  void line(std::string text) { add(Kind::line, std::move(text)); }  // wrapped to the width
  void item(std::string text) { add(Kind::item, std::move(text)); }  // one of a list
  void table(Grid grid);                                             // left out when it has no rows
  void append(const Page& other);
  bool empty() const { return parts_.empty(); }

  std::string text(const PageStyle& style = {}) const;
  // `command`: what makes this page, written below the title.
  std::string markdown(const std::string& command = "") const;

 private:
  enum class Kind { title, heading, line, item, table };
  struct Part {
    Kind kind;
    std::string text;
    Grid grid;
  };
  void add(Kind kind, std::string text) { parts_.push_back({kind, std::move(text), {}}); }

  std::vector<Part> parts_;
};

}  // namespace terrace
