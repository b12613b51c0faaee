// Leaf-wise difference of two scenarios and number-wise difference of two results.
#include "results/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "results/human.h"

namespace terrace {
namespace {

using Json = nlohmann::ordered_json;
using Leaves = std::vector<std::pair<std::string, std::string>>;

void collect(const Json& node, const std::string& path, Leaves& out) {
  if (node.is_object() && !node.empty()) {
    for (const auto& [key, value] : node.items()) {
      const bool dotted = key.find_first_of(".[]") != std::string::npos;
      const std::string step = dotted ? fmt::format("[\"{}\"]", key) : key;
      collect(value, fmt::format("{}{}{}", path, path.empty() || dotted ? "" : ".", step), out);
    }
  } else if (node.is_array() && !node.empty()) {
    for (std::size_t i = 0; i < node.size(); ++i) {
      collect(node[i], fmt::format("{}[{}]", path, i), out);
    }
  } else {
    out.emplace_back(path, node.is_string()
                               ? node.get<std::string>()
                               : node.dump(-1, ' ', false, Json::error_handler_t::replace));
  }
}

struct Number {
  std::string name, unit;
  double value;
};

std::vector<Number> numbers_of(const Record& r) {
  std::vector<Number> out = {{"simulated_seconds", "s", r.simulated_seconds}};
  for (const Stat& s : r.stats) out.push_back({s.name, s.unit, s.value});
  for (const Share& s : r.shares) out.push_back({"share." + s.cause, "1", s.fraction});
  for (const TierTraffic& t : r.tiers) {
    out.push_back({"tier." + t.tier + ".read_bytes", "B", t.read_bytes});
    out.push_back({"tier." + t.tier + ".written_bytes", "B", t.written_bytes});
    out.push_back({"tier." + t.tier + ".peak_bytes", "B", t.peak_bytes});
  }
  for (const OpBreakdown& o : r.ops)
    out.push_back({"op." + o.label + " (" + o.kind + ").seconds", "s", o.seconds});
  return out;
}

bool alike(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

std::string ratio_text(const ResultChange& change) {
  const double ratio = change.ratio();
  return std::isfinite(ratio) ? fmt::format("{} x", human_number(ratio)) : "–";
}

std::string difference_text(const ResultChange& change) {
  return std::isfinite(change.ratio()) ? human_signed_percent(change.ratio() - 1) : "";
}

std::string title_of(const Record& r) {
  return fmt::format("{} (scenario {}, code {}, seed {}, {})",
                     r.name.empty() ? "unnamed run" : r.name, r.scenario_hash.substr(0, 12),
                     r.code_version.empty() ? "unknown" : r.code_version, r.seed, r.backend);
}

}  // namespace

double ResultChange::size() const {
  const double logarithm = std::log(ratio());
  return std::isfinite(logarithm) ? std::abs(logarithm) : std::numeric_limits<double>::infinity();
}

std::vector<ScenarioChange> scenario_changes(const std::string& a_json, const std::string& b_json) {
  if (a_json == b_json) return {};
  const Json a = Json::parse(a_json, nullptr, false), b = Json::parse(b_json, nullptr, false);
  if (a.is_discarded() || b.is_discarded()) return {{"(the whole text)", a_json, b_json}};
  Leaves from, to;
  collect(a, "", from);
  collect(b, "", to);
  std::map<std::string, std::string> old(from.begin(), from.end());
  const std::map<std::string, std::string> fresh(to.begin(), to.end());
  std::vector<ScenarioChange> out;
  for (const auto& [path, value] : from) {
    const auto other = fresh.find(path);
    if (other == fresh.end()) {
      out.push_back({path, value, ""});
    } else if (other->second != value) {
      out.push_back({path, value, other->second});
    }
  }
  for (const auto& [path, value] : to) {
    if (old.count(path) == 0) out.push_back({path, "", value});
  }
  return out;
}

Comparison compare(const Record& a, const Record& b) {
  Comparison out;
  out.a = title_of(a);
  out.b = title_of(b);
  out.scenario = scenario_changes(a.scenario, b.scenario);
  const double nothing = std::numeric_limits<double>::quiet_NaN();
  std::vector<ResultChange> all;
  std::map<std::string, std::size_t> known;
  for (const Number& n : numbers_of(a)) {
    if (known.emplace(n.name, all.size()).second) all.push_back({n.name, n.unit, n.value, nothing});
  }
  for (const Number& n : numbers_of(b)) {
    const auto [at, fresh] = known.emplace(n.name, all.size());
    if (fresh) all.push_back({n.name, n.unit, nothing, nothing});
    all[at->second].b = n.value;
  }
  for (ResultChange& change : all) {
    if (alike(change.a, change.b)) {
      ++out.equal;
    } else {
      out.result.push_back(std::move(change));
    }
  }
  std::stable_sort(
      out.result.begin(), out.result.end(),
      [](const ResultChange& x, const ResultChange& y) { return x.size() > y.size(); });
  return out;
}

Page Comparison::page(std::size_t most) const {
  Page page;
  page.title("Comparison");
  Grid who;
  who.columns = {{""}, {""}};
  who.add({"A", a});
  who.add({"B", b});
  page.table(std::move(who));
  page.heading("What changed in the scenario");
  if (scenario.empty()) page.line("nothing");
  Grid changes;
  changes.columns = {{"path"}, {"A"}, {"B"}};
  const auto shown = [](const std::string& text) { return text.empty() ? "–" : text; };
  for (const ScenarioChange& c : scenario) changes.add({c.path, shown(c.a), shown(c.b)});
  page.table(std::move(changes));
  page.heading("What changed in the result");
  if (result.empty()) page.line(fmt::format("nothing: all {} numbers are equal", equal));
  Grid numbers;
  numbers.columns = {{"number"}, {"A", true}, {"B", true}, {"B / A", true}, {"change", true}};
  const std::size_t rows = most == 0 ? result.size() : std::min(most, result.size());
  for (std::size_t i = 0; i < rows; ++i) {
    const ResultChange& c = result[i];
    numbers.add(
        {c.name, human(c.a, c.unit), human(c.b, c.unit), ratio_text(c), difference_text(c)});
  }
  page.table(std::move(numbers));
  if (rows < result.size()) page.line(fmt::format("and {} smaller changes", result.size() - rows));
  if (!result.empty()) page.line(fmt::format("{} numbers are equal", equal));
  return page;
}

}  // namespace terrace
