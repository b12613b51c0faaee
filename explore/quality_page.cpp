// Tables of policies.
#include "explore/quality_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "explore/front_door.h"
#include "results/human.h"
#include "sim/suggest.h"

namespace terrace {
namespace {

std::string percent(double x) { return fmt::format("{:.1f} %", 100 * x); }

std::string difference_text(const MeanDifference& d) {
  return fmt::format("{:+.4f} ± {:.4f}", d.mean, d.half_width);
}

Grid table_of(const std::vector<QualityJob>& jobs, const QualitySubject& subject) {
  Grid grid;
  grid.columns = {{"policy", false}, {"budget", true}, {"B per token", true}};
  const auto add = [&](std::initializer_list<const char*> names) {
    for (const char* name : names) grid.columns.push_back({name, true});
  };
  const bool trace = jobs.front().on_trace.has_value(), loop = !jobs.front().in_loop.empty(),
             needles = jobs.front().needles.has_value(),
             timed = std::any_of(jobs.begin(), jobs.end(), [](const QualityJob&j) {
               return j.timed.has_value() || !j.not_timed.empty();
             });
  if (trace) add({"output error", "mass kept", "top-k recall"});
  if (loop) add({"perplexity", "nll above full", "KL", "same token"});
  if (loop && subject.texts.size() > 1)
    for (const QualitySubject::Text& t : subject.texts) grid.columns.push_back({t.name, true});
  if (needles) add({"needles"});
  if (timed) add({"decode tokens/s", "batch", "TTFT"});
  for (const QualityJob& job : jobs) {
    std::vector<std::string> row = {job.name,
                                    job.budget ? fmt::format("{:g} %", *job.budget) : "as written",
                                    fmt::format("{:.1f}", job.bytes_per_token())};
    if (trace) {
      const HeadQuality all = job.on_trace->total();
      row.push_back(fmt::format("{:.4f}", all.relative_error()));
      row.push_back(percent(all.mass / std::max(1.0, all.steps)));
      row.push_back(percent(all.recall / std::max(1.0, all.recalls)));
    }
    if (loop) {
      row.push_back(fmt::format("{:.3f}", job.perplexity()));
      row.push_back(difference_text(job.above_full()));
      row.push_back(fmt::format("{:.4f}", job.divergence()));
      row.push_back(percent(job.agreement()));
      if (subject.texts.size() > 1)
        for (const InLoopQuality& q : job.in_loop)
          row.push_back(fmt::format("{:.3f}", q.perplexity()));
    }
    if (needles) row.push_back(percent(job.needles->recall));
    if (const auto t = timing_of(job)) {
      row.push_back(fmt::format("{:.0f}", t->decode_tokens_per_second));
      row.push_back(fmt::format("{:.0f}", t->batch));
      row.push_back(human(t->ttft, "s"));
    } else if (timed) {
      row.insert(row.end(), 3, "–");
    }
    grid.add(std::move(row));
  }
  return grid;
}

}  // namespace

std::optional<PolicyTiming> timing_of(const QualityJob& job) {
  if (!job.timed) return std::nullopt;
  PolicyTiming t;
  if (const Stat* s = job.timed->find("engine.decode_tokens_per_second"))
    t.decode_tokens_per_second = s->value;
  if (const Stat* s = job.timed->find("engine.decode_batch")) t.batch = s->value;
  t.ttft = std::numeric_limits<double>::infinity();
  for (const RequestRow& r : job.timed->requests)
    t.ttft = std::min(t.ttft, r.first_token - r.arrival);
  return t;
}

std::vector<QualityFigure> figures(const QualityJob& job, const QualitySubject& s) {
  std::vector<QualityFigure> all;
  const auto add = [&](const char* metric, const char* unit, double value) {
    all.push_back({metric, unit, value, -1, -1});
  };
  if (job.on_trace) all = job.on_trace->rows();
  if (!job.in_loop.empty()) {
    const MeanDifference above = job.above_full();
    add("perplexity", "1", job.perplexity());
    add("perplexity, full cache", "1", job.full_perplexity());
    add("nll above full", "nat", above.mean);
    add("nll above full, half of the 95 % interval", "nat", above.half_width);
    add("KL from full", "nat", job.divergence());
    add("same first token", "1", job.agreement());
    if (!job.on_trace) add("bytes per token", "B", job.bytes_per_token());
  }
  if (job.needles) {
    add("needle recall", "1", job.needles->recall);
    add("needle recall, full cache", "1", s.needles->full().recall);
  }
  return all;
}

std::vector<QualityRow> rows_of(const std::vector<QualityJob>& jobs, const QualitySubject& s) {
  std::vector<QualityRow> rows;
  for (const QualityJob& job : jobs)
    for (const QualityFigure& f : figures(job, s))
      rows.push_back({job.label(), job.hash, s.name, f.metric, f.unit, f.value, "terrace quality"});
  return rows;
}

std::string json_of(const std::vector<QualityJob>& jobs, const QualitySubject& s) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const QualityJob& job : jobs) {
    nlohmann::ordered_json row = {{"policy", job.name}, {"hash", job.hash}};
    if (job.budget) row["budget_percent"] = *job.budget;
    for (const QualityFigure& f : figures(job, s)) row["figures"][f.metric] = f.value;
    if (const auto t = timing_of(job))
      row["timing"] = {{"decode_tokens_per_second", t->decode_tokens_per_second},
                       {"decode_batch", t->batch},
                       {"ttft_s", t->ttft}};
    if (!job.not_timed.empty()) row["not_timed"] = job.not_timed;
    all.push_back(std::move(row));
  }
  return all.dump(2);
}

Grid compared(const std::vector<std::string>& comparisons, const std::vector<QualityJob>& jobs) {
  Grid grid;
  grid.columns = {{"policy", false},   {"against", false},       {"B per token", true},
                  {"against's", true}, {"nll difference", true}, {"at 95 %", false}};
  std::vector<std::string> labels;
  for (const QualityJob& job : jobs) labels.push_back(job.label());
  const auto find = [&](const std::string& label) -> const QualityJob& {
    const auto at = std::find(labels.begin(), labels.end(), label);
    if (at == labels.end())
      throw InputError("no policy \"" + label + "\" to compare" + did_you_mean(label, labels));
    return jobs[static_cast<std::size_t>(at - labels.begin())];
  };
  for (const std::string& pair : comparisons) {
    const std::size_t colon = pair.find(':');
    if (colon == std::string::npos)
      throw InputError("\"" + pair + "\": two policies are compared as A:B");
    const QualityJob &a = find(pair.substr(0, colon)), &b = find(pair.substr(colon + 1));
    const MeanDifference d = mean_difference(a.losses(), b.losses());
    grid.add({a.label(), b.label(), fmt::format("{:.0f}", a.bytes_per_token()),
              fmt::format("{:.0f}", b.bytes_per_token()), difference_text(d),
              d.below()   ? "better"
              : d.above() ? "worse"
                          : "no difference shown"});
  }
  return grid;
}

Page quality_page(const std::vector<QualityJob>& jobs, const QualitySubject& subject,
                  const QualityArguments& args, const std::vector<std::string>& left_out) {
  Page page;
  page.title("KV-cache policies: " + subject.name);
  if (!subject.texts.empty()) {
    std::int64_t steps = 0;
    for (const InLoopQuality& q : jobs.front().in_loop) steps += q.steps;
    page.line(fmt::format(
        "Full cache: perplexity {:.3f} over {} tokens, each text after a prompt of {}{}",
        jobs.front().full_perplexity(), steps, subject.texts.front().full->prompt(),
        subject.needles ? fmt::format("; needles {:.1f} %", 100 * subject.needles->full().recall)
                        : ""));
  }
  page.table(table_of(jobs, subject));
  for (const std::string& each : left_out) page.item("left out: " + each);
  for (const QualityJob& job : jobs)
    if (!job.not_timed.empty()) page.item("not timed: " + job.label() + ": " + job.not_timed);
  if (!args.comparisons.empty()) {
    page.heading("Compared");
    page.line(
        "Losses (nats) of the first less those of the second, step by step over all texts; 95 % "
        "intervals by Student's t over the means of 32 steps each.");
    page.table(compared(args.comparisons, jobs));
  }
  return page;
}

std::string command_of(const QualityArguments& a) {
  std::string line = "terrace quality";
  for (const std::string& each : a.policies) line += " " + each;
  const auto add = [&](const char* option, const std::string& value) {
    if (!value.empty()) line += std::string(" ") + option + " " + value;
  };
  add("--trace", a.trace);
  add("--model", a.model);
  for (const std::string& text : a.texts) add("--text", text);
  if (!a.model.empty()) {
    add("--tokens", std::to_string(a.tokens));
    if (a.offset > 0) add("--offset", std::to_string(a.offset));
    if (a.needles > 0) add("--needles", std::to_string(a.needles));
  }
  if (a.prompt != 0.5) add("--prompt", fmt::format("{:g}", a.prompt));
  add("--budgets", fmt::format("{:g}", fmt::join(a.budgets, ",")));
  add("--calibration", a.calibration);
  add("--scenario", a.scenario);
  add("--profile", a.profile);
  for (const std::string& each : a.comparisons) add("--compare", each);
  for (const std::string& each : a.sets) add("--set", "'" + each + "'");
  if (a.seed != 0) add("--seed", std::to_string(a.seed));
  return line;
}

}  // namespace terrace
