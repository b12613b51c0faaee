// The sections of the report on the machine: shares of time, engines, links and devices, memories,
// ops.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>
#include <numeric>

#include "results/human.h"
#include "results/report.h"

namespace terrace {
namespace {

constexpr std::size_t bar_width = 30;
constexpr double idle_below = 5e-4;  // shown as 0.0 %

// "gpu3.hbm" and "gpu4.hbm" are both "gpu*.hbm".
std::string without_numbers(const std::string& name) {
  std::string out;
  for (const char c : name) {
    const bool digit = std::isdigit(static_cast<unsigned char>(c)) != 0;
    if (!digit) {
      out += c;
    } else if (out.empty() || out.back() != '*') {
      out += '*';
    }
  }
  return out;
}

// Rows whose first cell differs only in numbers and whose others are equal become one: "gpu*.hbm
// (8)".
Grid folded(const Grid& grid) {
  struct Twins {
    std::vector<std::string> row;
    std::size_t count = 0;
  };
  std::vector<Twins> all;
  std::map<std::vector<std::string>, std::size_t> known;
  for (const auto& row : grid.rows) {
    std::vector<std::string> key = row;
    key[0] = without_numbers(row[0]);
    const auto [at, fresh] = known.try_emplace(key, all.size());
    if (fresh) all.push_back({row, 0});
    ++all[at->second].count;
  }
  Grid out;
  out.columns = grid.columns;
  for (Twins& twins : all) {
    if (twins.count > 1) {
      twins.row[0] = fmt::format("{} ({})", without_numbers(twins.row[0]), twins.count);
    }
    out.add(std::move(twins.row));
  }
  return out;
}

struct Part {  // an engine or a resource
  std::string name, moved;
  double busy = 0;
};

bool between(const std::string& name, const std::string& start, const std::string& end,
             std::string& middle) {
  if (name.size() <= start.size() + end.size() || name.compare(0, start.size(), start) != 0 ||
      name.compare(name.size() - end.size(), end.size(), end) != 0) {
    return false;
  }
  middle = name.substr(start.size(), name.size() - start.size() - end.size());
  return true;
}

void add_parts(Page& page, const char* heading, const char* column, bool moved,
               const std::vector<Part>& parts) {
  if (parts.empty()) return;
  page.heading(heading);
  Grid grid, idle;
  grid.columns = {{column}, {"in use", true}, {""}};
  if (moved) grid.columns.push_back({"moved", true});
  idle.columns = {{""}};
  for (const Part& part : parts) {
    if (part.busy < idle_below && part.moved.empty()) {
      idle.add({part.name});
      continue;
    }
    grid.add({part.name, human_percent(part.busy), bar(part.busy, bar_width)});
    if (moved) grid.rows.back().push_back(part.moved);
  }
  page.table(folded(grid));
  std::string names;
  for (const auto& row : folded(idle).rows) names += (names.empty() ? "" : ", ") + row[0];
  if (!names.empty()) page.line("not used: " + names);
}

std::string bytes(double value) { return value == 0 ? "" : human(value, "B"); }

}  // namespace

std::vector<double> rounded_percentages(const std::vector<double>& fractions, double total) {
  constexpr double steps = 10;  // one decimal
  std::vector<double> out;
  std::vector<std::pair<double, std::size_t>> remainders;
  double sum = 0;
  for (const double fraction : fractions) sum += fraction;
  const bool whole = std::abs(sum * 100 - total) < 1e-4;
  for (std::size_t i = 0; i < fractions.size(); ++i) {
    const double exact = fractions[i] * 100 * steps;
    out.push_back(whole ? std::floor(exact) : std::round(exact));
    remainders.emplace_back(std::round((exact - std::floor(exact)) * 1e6), i);  // ties stay ties
  }
  if (whole) {
    const double given = std::accumulate(out.begin(), out.end(), 0.0);
    auto missing = static_cast<std::size_t>(std::max(0.0, std::round(total * steps - given)));
    std::stable_sort(remainders.begin(), remainders.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    for (std::size_t i = 0; i < remainders.size() && missing > 0; ++i, --missing) {
      out[remainders[i].second] += 1;
    }
  }
  for (double& value : out) value /= steps;
  return out;
}

void add_shares(const Record& record, Page& page) {
  if (record.shares.empty()) return;
  page.heading("Where the time went");
  std::vector<double> fractions;
  for (const Share& share : record.shares) fractions.push_back(share.fraction);
  const std::vector<double> percent = rounded_percentages(fractions);
  Grid grid;
  grid.columns = {{""}, {"", true}, {""}, {"", true}};
  double sum = 0;
  for (std::size_t i = 0; i < percent.size(); ++i) {
    const Share& share = record.shares[i];
    grid.add({share.cause, fmt::format("{:.1f} %", percent[i]), bar(share.fraction, bar_width),
              human(share.seconds, "s")});
    sum += percent[i];
  }
  grid.add({"all", fmt::format("{:.1f} %", sum), "", ""});
  page.table(std::move(grid));
}

void add_machine(const Record& record, Page& page) {
  std::vector<Part> engines, resources;
  std::string name;
  for (const Stat& stat : record.stats) {
    if (between(stat.name, "engine.", ".busy_fraction", name)) {
      engines.push_back({name, "", stat.value});
    } else if (between(stat.name, "resource.", ".utilisation", name)) {
      const Stat* moved = record.find("resource." + name + ".moved");
      const bool any = moved != nullptr && moved->value > 0;
      resources.push_back({name, any ? human(moved->value, moved->unit) : "", stat.value});
    }
  }
  add_parts(page, "Engines", "engine", false, engines);
  add_parts(page, "Devices and links", "resource", true, resources);

  if (record.tiers.empty()) return;
  page.heading("Memories");
  Grid grid;
  grid.columns = {{"memory"},          {"read", true}, {"written", true}, {"size", true},
                  {"allocated", true}, {"", true},     {"busy", true},    {"energy", true}};
  for (const TierTraffic& t : record.tiers) {
    const bool allocated = t.capacity_bytes > 0 && t.peak_bytes > 0;
    grid.add({t.tier, bytes(t.read_bytes), bytes(t.written_bytes), bytes(t.capacity_bytes),
              bytes(t.peak_bytes), allocated ? human_percent(t.peak_bytes / t.capacity_bytes) : "",
              human_percent(t.busy_fraction), t.joules == 0 ? "" : human(t.joules, "J")});
  }
  page.table(folded(grid));
}

void add_ops(const Record& record, Page& page) {
  if (record.ops.empty()) return;
  page.heading("Operations");
  double total = 0;
  for (const OpBreakdown& op : record.ops) total += op.seconds;
  Grid grid;
  grid.columns = {{"op"},          {"kind"},        {"count", true},    {"time", true},
                  {"share", true}, {"bound", true}, {"of bound", true}, {"held up by"}};
  for (const OpBreakdown& op : record.ops) {
    const bool bound = op.bound_seconds > 0 && op.seconds > 0;
    grid.add({op.label, op.kind, human_count(static_cast<double>(op.count)), human(op.seconds, "s"),
              human_percent(total > 0 ? op.seconds / total : 0),
              bound ? human(op.bound_seconds, "s") : "",
              bound ? human_percent(op.bound_seconds / op.seconds) : "", op.bottleneck});
  }
  page.table(std::move(grid));
  page.line("bound: the least time by the roofline of this machine; of bound: bound / time");
}

}  // namespace terrace
