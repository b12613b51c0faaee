// The whole report, its headline and its last section.
#include "results/report.h"

#include <fmt/format.h>

#include <cmath>

#include "results/human.h"

namespace terrace {
namespace {

// Statistics by name; what is missing turns a whole phrase into nothing.
class StatReader {
 public:
  explicit StatReader(const Record& record) : record_(record) {}
  bool has(const std::string& name) const { return record_.find(name) != nullptr; }
  double value(const std::string& name) const {
    const Stat* stat = record_.find(name);
    return stat == nullptr ? std::nan("") : stat->value;
  }
  std::string text(const std::string& name) const {
    const Stat* stat = record_.find(name);
    return stat == nullptr ? "" : human(stat->value, stat->unit);
  }
  std::string percent(const std::string& name) const { return human_percent(value(name)); }
  std::string count(const std::string& name) const { return human_count(value(name)); }

 private:
  const Record& record_;
};

class Phrases {  // "a, b, c" of the phrases whose statistic exists
 public:
  void add(bool there, const std::string& phrase) {
    if (there) text_ += (text_.empty() ? "" : ", ") + phrase;
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

void add_row(Grid& grid, const char* name, const Phrases& phrases) {
  if (!phrases.text().empty()) grid.add({name, phrases.text()});
}

Phrases requests_of(const StatReader& r) {
  Phrases p;
  const bool some = r.has("requests.completed") && r.has("requests.count");
  p.add(some, fmt::format("{} of {} completed", r.count("requests.completed"),
                          r.count("requests.count")));
  p.add(!some && r.has("requests.count"), r.count("requests.count"));
  p.add(r.has("tokens.input"), r.count("tokens.input") + " tokens in");
  p.add(r.has("tokens.output"), r.count("tokens.output") + " out");
  return p;
}

Phrases throughput_of(const StatReader& r) {
  Phrases p;
  const auto number = [&](const char* name) { return human_number(r.value(name)); };
  p.add(r.has("requests.per_second"), number("requests.per_second") + " requests/s");
  p.add(r.has("tokens.output_per_second"), number("tokens.output_per_second") + " output tokens/s");
  p.add(r.has("tokens.output_per_second_per_gpu"),
        number("tokens.output_per_second_per_gpu") + " of them per GPU");
  p.add(r.has("tokens.total_per_second"),
        number("tokens.total_per_second") + " tokens/s with prompts");
  return p;
}

Phrases goodput_of(const StatReader& r) {
  Phrases p;
  p.add(r.has("goodput.requests_per_second"),
        human_number(r.value("goodput.requests_per_second")) + " requests/s");
  std::string slo;
  if (r.has("slo.ttft")) slo = "TTFT ≤ " + r.text("slo.ttft");
  if (r.has("slo.tpot")) slo += (slo.empty() ? "TPOT ≤ " : " and TPOT ≤ ") + r.text("slo.tpot");
  p.add(r.has("goodput.fraction"),
        r.percent("goodput.fraction") + (slo.empty() ? " met the SLO" : " met " + slo));
  return p;
}

Phrases kv_of(const StatReader& r) {
  Phrases p;
  p.add(r.has("kv.blocks"),
        r.count("kv.blocks") + " blocks" +
            (r.has("kv.block_tokens") ? fmt::format(" of {} tokens", r.count("kv.block_tokens"))
                                      : "") +
            (r.has("kv.capacity_bytes") ? fmt::format(" ({})", r.text("kv.capacity_bytes")) : ""));
  p.add(r.has("kv.occupancy.mean"), "in use " + r.percent("kv.occupancy.mean") + " on average");
  p.add(r.has("kv.occupancy.peak"), r.percent("kv.occupancy.peak") + " at most");
  p.add(r.has("preemptions"), r.count("preemptions") + " preemptions");
  return p;
}

Phrases hits_of(const Record& record, const StatReader& r) {
  Phrases p;
  const std::string prefix = "kv.hit_rate.";
  p.add(r.has(prefix + "total"), r.percent(prefix + "total") + " of the prompt tokens");
  for (const Stat& stat : record.stats) {
    if (stat.name.compare(0, prefix.size(), prefix) != 0 || stat.name == prefix + "total") continue;
    p.add(true, fmt::format("{} {}", stat.name.substr(prefix.size()), human_percent(stat.value)));
  }
  return p;
}

Phrases energy_of(const StatReader& r) {
  Phrases p;
  p.add(r.has("energy.per_output_token"),
        human(r.value("energy.per_output_token"), "J") + " per output token");
  p.add(r.has("power.mean"), r.text("power.mean") + " on average");
  p.add(r.has("energy.total"), r.text("energy.total") + " in all");
  return p;
}

Phrases cost_of(const StatReader& r) {
  Phrases p;
  p.add(r.has("cost.per_million_output_tokens"),
        human(r.value("cost.per_million_output_tokens"), "USD") + " per million output tokens");
  p.add(r.has("cost.per_hour"), human(r.value("cost.per_hour"), "USD") + " per hour");
  return p;
}

Grid latencies_of(const StatReader& r) {
  static const std::vector<std::string> of = {"mean", "p50", "p90", "p95", "p99"};
  static const std::vector<std::pair<const char*, const char*>> what = {
      {"ttft", "TTFT (to the first token)"},
      {"tpot", "TPOT (each further token)"},
      {"itl", "ITL (between two tokens)"},
      {"latency", "latency (to the last token)"}};
  Grid grid;
  grid.columns.push_back({"", false});
  for (const std::string& name : of) grid.columns.push_back({name, true});
  for (const auto& [stat, words] : what) {
    std::vector<std::string> row = {words};
    bool any = false;
    for (const std::string& name : of) {
      const std::string full = std::string(stat) + "." + name;
      any = any || r.has(full);
      row.push_back(r.has(full) ? human(r.value(full), "s") : "");
    }
    if (any) grid.add(std::move(row));
  }
  return grid;
}

void add_all_stats(const Record& record, Page& page) {
  if (!record.stats.empty()) page.heading("All statistics");
  Grid grid;
  grid.columns = {{"statistic"}, {"value", true}, {"unit"}, {"meaning"}};
  for (const Stat& s : record.stats) {
    grid.add({s.name, fmt::format("{:.6g}", s.value), s.unit, s.meaning});
  }
  page.table(std::move(grid));
  if (!record.series.empty()) page.heading("Series");
  Grid series;
  series.columns = {{"series"}, {"unit"}, {"points", true}, {"from", true}, {"to", true}};
  for (const Series& s : record.series) {
    const bool any = !s.points.empty();
    series.add({s.name, s.unit, human_count(static_cast<double>(s.points.size())),
                any ? human(s.points.front().at, "s") : "",
                any ? human(s.points.back().at, "s") : ""});
  }
  page.table(std::move(series));
}

}  // namespace

void add_headline(const Record& record, Page& page) {
  const StatReader r(record);
  Grid grid;
  grid.columns = {{""}, {""}};
  add_row(grid, "requests", requests_of(r));
  add_row(grid, "throughput", throughput_of(r));
  add_row(grid, "goodput", goodput_of(r));
  add_row(grid, "KV cache", kv_of(r));
  add_row(grid, "KV hits", hits_of(record, r));
  add_row(grid, "energy", energy_of(r));
  add_row(grid, "cost", cost_of(r));
  page.table(std::move(grid));
  Grid latencies = latencies_of(r);
  if (!latencies.rows.empty()) page.line("");
  page.table(std::move(latencies));
}

void add_speed(const Record& record, Page& page) {
  if (!(record.wall_seconds > 0)) return;
  page.heading("Speed of the simulation");
  std::string text =
      fmt::format("{} simulated in {}: {} x real time", human(record.simulated_seconds, "s"),
                  human(record.wall_seconds, "s"),
                  human_number(record.simulated_seconds / record.wall_seconds));
  if (const Stat* steps = record.find("steps.count")) {
    text += fmt::format("; {} iterations", human_count(steps->value));
    if (steps->value > 0) {
      text += fmt::format(", {} each", human(record.wall_seconds / steps->value, "s"));
    }
  }
  if (record.peak_memory_bytes > 0) {
    text += fmt::format("; at most {} of memory", human(record.peak_memory_bytes, "B"));
  }
  page.line(text);
}

Page report(const Record& record, const ReportOptions& options) {
  Page page;
  page.title(record.name.empty() ? "unnamed run" : record.name);
  const Stat* gpus = record.find("gpus");
  page.line(fmt::format(
      "{}{} on {}, seed {}, code {}, scenario {}", human(record.simulated_seconds, "s"),
      record.backend == "simulate" ? " simulated" : " run by " + record.backend,
      gpus == nullptr
          ? "this machine"
          : fmt::format("{} GPU{}", human_count(gpus->value), gpus->value == 1 ? "" : "s"),
      record.seed, record.code_version.empty() ? "unknown" : record.code_version,
      record.scenario_hash.substr(0, 12)));
  page.line("");
  add_headline(record, page);
  add_shares(record, page);
  add_machine(record, page);
  add_ops(record, page);
  if (!record.remarks.empty()) page.heading("Remarks");
  for (const std::string& remark : record.remarks) page.item(remark);
  if (options.full) add_all_stats(record, page);
  if (options.speed) add_speed(record, page);
  return page;
}

std::string one_line_report(const Record& record) {
  const StatReader r(record);
  Phrases p;
  p.add(true, record.name);
  p.add(r.has("tokens.output_per_second"),
        human_number(r.value("tokens.output_per_second")) + " tokens/s");
  p.add(r.has("ttft.p50"), "TTFT p50 " + r.text("ttft.p50"));
  p.add(r.has("tpot.p50"), "TPOT p50 " + r.text("tpot.p50"));
  p.add(r.has("cost.per_million_output_tokens"),
        human(r.value("cost.per_million_output_tokens"), "USD") + "/M tokens");
  return p.text();
}

}  // namespace terrace
