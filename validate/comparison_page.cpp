// Tables of comparisons for people.
#include "validate/comparison_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "results/human.h"

namespace terrace::validate {
namespace {

Summary::Spread spread(const Rows& rows, Deviation kind) {
  Summary::Spread out;
  std::vector<double> all;
  for (const Row& row : rows) {
    if (row.kind != kind) continue;
    const double off = std::abs(row.deviation());
    if (all.empty() || off > out.worst) {
      out.worst = off;
      out.worst_row = row.what;
    }
    all.push_back(off);
  }
  out.rows = all.size();
  if (all.empty()) return out;
  std::sort(all.begin(), all.end());
  const std::size_t middle = all.size() / 2;
  out.median = all.size() % 2 == 1 ? all[middle] : (all[middle - 1] + all[middle]) / 2;
  return out;
}

std::string figure(double value, const std::string& unit) {
  return unit == "%" ? fmt::format("{:.1f} %", value) : human(value, unit);
}

std::string text_of(const Summary::Spread& s, const char* unit) {
  if (s.rows == 0) return "";
  return fmt::format("; median {:.1f} {}, worst {:.1f} {} ({})", s.median, unit, s.worst, unit,
                     s.worst_row);
}

}  // namespace

Summary summarise(const Rows& rows) {
  Summary s;
  s.rows = rows.size();
  for (const Row& row : rows) {
    s.met += row.met();
    s.beyond_bound += !row.within_bound();
  }
  s.percent = spread(rows, Deviation::percent);
  s.points = spread(rows, Deviation::points);
  return s;
}

std::string text_of(const Summary& s) {
  std::string text =
      fmt::format("{} row{}, {} within the target", s.rows, s.rows == 1 ? "" : "s", s.met);
  if (s.beyond_bound > 0) text += fmt::format(", {} beyond the closed form", s.beyond_bound);
  return text + text_of(s.points, "points") + text_of(s.percent, "%");
}

Page page_of(const std::string& name, const Comparison& comparison, const Rows& rows) {
  Page page;
  page.title(name + ": " + Registry<Comparison>::family().at(name).doc);
  page.line(comparison.about());
  Grid grid;
  grid.columns = {{"what", false}, {"simulated", true}, {"reference", true}, {"deviation", true},
                  {"bound", true}, {"target", true},    {"met", false}};
  for (const Row& row : rows) {
    std::string bound = "–";
    if (row.bound)
      bound = (row.bound->least ? "≥ " : "≤ ") + figure(row.bound->value, row.unit) +
              (row.within_bound() ? "" : " (beyond)");
    grid.add(
        {row.what, figure(row.simulated, row.unit), figure(row.reference, row.unit),
         row.deviation_text(), bound,
         fmt::format("± {:.3g} {}", row.tolerance, row.kind == Deviation::points ? "points" : "%"),
         row.met() ? "yes" : "no"});
  }
  page.table(std::move(grid));
  for (const Row& row : rows)
    if (!row.note.empty()) page.item(row.what + ": " + row.note);
  page.heading("Sources");
  std::vector<std::string> told;
  for (const Row& row : rows) {
    if (row.source.empty() || std::count(told.begin(), told.end(), row.source) > 0) continue;
    told.push_back(row.source);
    page.item(row.source);
  }
  page.line(text_of(summarise(rows)));
  return page;
}

}  // namespace terrace::validate
