// Lays out tables and paragraphs.
#include "results/page.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "results/human.h"

namespace terrace {
namespace {

const char* const bold = "\033[1m";
const char* const plain = "\033[0m";
constexpr std::size_t gap = 2;         // spaces between columns
constexpr std::size_t least_cell = 8;  // no column is cut below this

std::string one_line(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out;
}

std::string cut(const std::string& text, std::size_t width) {
  if (display_width(text) <= width) return text;
  std::string out;
  std::size_t used = 0;
  for (const char c : text) {
    if ((c & 0xc0) != 0x80 && ++used >= width) break;
    out += c;
  }
  return out + "…";
}

std::vector<std::size_t> widths_of(const Grid& grid, std::size_t limit) {
  std::vector<std::size_t> widths;
  for (std::size_t c = 0; c < grid.columns.size(); ++c) {
    std::size_t width = display_width(grid.columns[c].name);
    for (const auto& row : grid.rows) width = std::max(width, display_width(row.at(c)));
    const bool cuttable = limit > 0 && !grid.columns[c].right;
    widths.push_back(cuttable ? std::min(width, limit) : width);
  }
  if (limit == 0 || widths.empty()) return widths;
  const auto total = [&] {
    return std::accumulate(widths.begin(), widths.end(), std::size_t{0}) +
           gap * (widths.size() - 1);
  };
  while (total() > limit) {
    std::size_t widest = widths.size();
    for (std::size_t c = 0; c < widths.size(); ++c) {
      const bool better = widest == widths.size() || widths[c] > widths[widest];
      if (!grid.columns[c].right && widths[c] > least_cell && better) widest = c;
    }
    if (widest == widths.size()) break;  // nothing left to cut: wider than the terminal
    --widths[widest];
  }
  return widths;
}

std::string row_text(const Grid& grid, const std::vector<std::string>& cells,
                     const std::vector<std::size_t>& widths) {
  std::string out;
  for (std::size_t c = 0; c < cells.size(); ++c) {
    const std::string cell = cut(cells[c], widths[c]);
    const std::string padding(widths[c] - std::min(widths[c], display_width(cell)), ' ');
    if (c > 0) out += std::string(gap, ' ');
    out += grid.columns[c].right ? padding + cell : cell + padding;
  }
  out.erase(out.find_last_not_of(' ') + 1);
  return out + "\n";
}

bool has_heading(const Grid& grid) {
  return std::any_of(grid.columns.begin(), grid.columns.end(),
                     [](const Grid::Column& c) { return !c.name.empty(); });
}

std::vector<std::string> names_of(const Grid& grid) {
  std::vector<std::string> names;
  for (const Grid::Column& c : grid.columns) names.push_back(one_line(c.name));
  return names;
}

std::string wrapped(const std::string& text, std::size_t width, std::size_t indent) {
  std::string out, line;
  const auto flush = [&] {
    out += line + "\n";
    line.assign(indent, ' ');
  };
  std::size_t from = 0;
  while (from < text.size()) {
    std::size_t to = text.find_first_of(" \n", from);
    if (to == std::string::npos) to = text.size();
    const std::string word = text.substr(from, to - from);
    const bool started = line.find_first_not_of(' ') != std::string::npos;
    if (started && width > 0 && display_width(line) + 1 + display_width(word) > width) flush();
    if (line.find_first_not_of(' ') != std::string::npos) line += ' ';
    line += word;
    from = to + 1;
  }
  return out + line + "\n";
}

std::string markdown_cell(const std::string& text) {
  std::string out;
  for (const char c : one_line(text)) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

std::string text_of(const Grid& grid, const PageStyle& style) {
  Grid clean = grid;
  for (auto& row : clean.rows) {
    for (std::string& cell : row) cell = one_line(cell);
  }
  const std::vector<std::size_t> widths = widths_of(clean, style.width);
  std::string out;
  if (has_heading(clean)) {
    const std::string heading = row_text(clean, names_of(clean), widths);
    out += style.colour ? fmt::format("{}{}{}", bold, heading, plain) : heading;
    std::vector<std::string> rules;
    for (const std::size_t width : widths) {
      std::string rule;
      for (std::size_t i = 0; i < width; ++i) rule += "─";
      rules.push_back(rule);
    }
    out += row_text(clean, rules, widths);
  }
  for (const auto& row : clean.rows) out += row_text(clean, row, widths);
  return out;
}

std::string markdown_of(const Grid& grid) {
  std::string head = "|", rule = "|", body;
  for (const Grid::Column& c : grid.columns) {
    head += " " + markdown_cell(c.name) + " |";
    rule += c.right ? " ---: |" : " --- |";
  }
  for (const auto& row : grid.rows) {
    body += "|";
    for (const std::string& cell : row) body += " " + markdown_cell(cell) + " |";
    body += "\n";
  }
  return head + "\n" + rule + "\n" + body;
}

void Page::table(Grid grid) {
  if (!grid.rows.empty()) parts_.push_back({Kind::table, "", std::move(grid)});
}

void Page::append(const Page& other) {
  parts_.insert(parts_.end(), other.parts_.begin(), other.parts_.end());
}

std::string Page::text(const PageStyle& style) const {
  std::string out;
  for (const Part& part : parts_) {
    switch (part.kind) {
      case Kind::title:
      case Kind::heading:
        if (!out.empty()) out += "\n";
        out += style.colour ? fmt::format("{}{}{}\n", bold, part.text, plain) : part.text + "\n";
        break;
      case Kind::line:
        out += wrapped(part.text, style.width, 0);
        break;
      case Kind::item:
        out += wrapped("- " + part.text, style.width, 2);
        break;
      case Kind::table:
        out += text_of(part.grid, style);
        break;
    }
  }
  return out;
}

std::string Page::markdown(const std::string& command) const {
  std::string out;
  std::string made_by = command.empty() ? "" : fmt::format("Made by `{}`\n", command);
  Kind last = Kind::heading;
  for (const Part& part : parts_) {
    if (part.kind == Kind::line && part.text.empty()) continue;
    const bool list_goes_on = part.kind == Kind::item && last == Kind::item;
    if (!out.empty() && !list_goes_on) out += "\n";
    switch (part.kind) {
      case Kind::title:
        out += "# " + part.text + "\n";
        break;
      case Kind::heading:
        out += "## " + part.text + "\n";
        break;
      case Kind::line:
        out += part.text + "\n";
        break;
      case Kind::item:
        out += wrapped("- " + part.text, 0, 2);
        break;
      case Kind::table:
        out += markdown_of(part.grid);
        break;
    }
    if (part.kind == Kind::title && !made_by.empty()) {
      out += "\n" + made_by;
      made_by.clear();
    }
    last = part.kind;
  }
  return made_by + out;
}

}  // namespace terrace
