// Lays simulated requests beside measured ones.
#include "results/measured.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "results/human.h"

namespace terrace {
namespace {

constexpr double nothing = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t worst_shown = 10;

using Metric = double (*)(const RequestRow&);
struct NamedMetric {
  const char* name;
  const char* words;
  Metric of;
};
const NamedMetric metrics_known[] = {
    {"ttft", "TTFT", ttft_of}, {"tpot", "TPOT", tpot_of}, {"latency", "latency", latency_of}};

struct Pair {
  const MeasuredRequest* measured;
  const RequestRow* simulated;
};

bool finished(const RequestRow& row) {
  return row.finished >= row.first_token && row.first_token >= row.arrival && row.finished > 0;
}

MetricComparison compare_metric(const NamedMetric& metric, const std::vector<Pair>& pairs) {
  std::vector<double> measured, simulated, errors;
  for (const Pair& pair : pairs) {
    const double m = metric.of(pair.measured->row), s = metric.of(*pair.simulated);
    if (std::isnan(m) || std::isnan(s)) continue;
    measured.push_back(m);
    simulated.push_back(s);
    if (m > 0) errors.push_back(std::abs(s - m) / m);
  }
  MetricComparison out;
  out.name = metric.name;
  out.measured = distribution(measured);
  out.simulated = distribution(simulated);
  std::sort(errors.begin(), errors.end());
  out.median_error = quantile(errors, 0.5);
  out.p90_error = quantile(errors, 0.9);
  out.correlation = correlation(measured, simulated);
  return out;
}

// From the first arrival to the last token, and the output tokens in that time.
struct Span {
  double first = std::numeric_limits<double>::infinity(), last = 0, tokens = 0;
  void add(const RequestRow& row) {
    first = std::min(first, row.arrival);
    last = std::max(last, row.finished);
    tokens += static_cast<double>(row.output_tokens);
  }
  double length() const { return last - first; }
};

std::vector<RequestComparison> worst_of(const std::vector<Pair>& pairs) {
  std::vector<RequestComparison> all;
  for (const Pair& pair : pairs) {
    const double measured = latency_of(pair.measured->row);
    all.push_back({pair.measured->name, pair.measured->row, *pair.simulated,
                   measured > 0 ? latency_of(*pair.simulated) / measured - 1 : nothing});
  }
  all.erase(std::remove_if(all.begin(), all.end(),
                           [](const RequestComparison& r) { return std::isnan(r.error); }),
            all.end());
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return std::abs(a.error) > std::abs(b.error);
  });
  if (all.size() > worst_shown) all.resize(worst_shown);
  return all;
}

void remark_lengths(const std::vector<Pair>& pairs, std::vector<std::string>& remarks) {
  std::size_t other = 0;
  std::string first;
  for (const Pair& pair : pairs) {
    const RequestRow &m = pair.measured->row, &s = *pair.simulated;
    if (m.input_tokens == s.input_tokens && m.output_tokens == s.output_tokens) continue;
    if (++other == 1) {
      first = fmt::format("{}: {} in and {} out measured, {} and {} simulated", pair.measured->name,
                          m.input_tokens, m.output_tokens, s.input_tokens, s.output_tokens);
    }
  }
  if (other > 0) {
    remarks.push_back(
        fmt::format("{} requests have other lengths, so the work differs ({})", other, first));
  }
}

}  // namespace

double ttft_of(const RequestRow& row) {
  return finished(row) ? row.first_token - row.arrival : nothing;
}
double tpot_of(const RequestRow& row) {
  return finished(row) && row.output_tokens > 1
             ? (row.finished - row.first_token) / static_cast<double>(row.output_tokens - 1)
             : nothing;
}
double latency_of(const RequestRow& row) {
  return finished(row) ? row.finished - row.arrival : nothing;
}

MeasuredComparison compare(const Record& record, const MeasuredRun& measured) {
  MeasuredComparison out;
  out.source = measured.source;
  out.run = record.name;
  std::map<std::int64_t, const RequestRow*> simulated;
  for (const RequestRow& row : record.requests) simulated.emplace(row.id, &row);
  std::vector<Pair> pairs;
  std::size_t unfinished = 0;
  for (const MeasuredRequest& request : measured.requests) {
    const auto found = simulated.find(request.row.id);
    if (found == simulated.end()) continue;
    pairs.push_back({&request, found->second});
    if (!finished(*found->second)) ++unfinished;
  }
  if (pairs.empty()) {
    throw std::runtime_error(fmt::format("{}: none of its {} requests is among the {} of run {}",
                                         measured.source, measured.requests.size(),
                                         record.requests.size(), record.name));
  }
  out.pairs = pairs.size();
  for (const NamedMetric& metric : metrics_known) {
    out.metrics.push_back(compare_metric(metric, pairs));
  }
  Span m, s;
  for (const Pair& pair : pairs) m.add(pair.measured->row), s.add(*pair.simulated);
  out.totals.push_back({"makespan", "s", m.length(), s.length()});
  out.totals.push_back(
      {"tokens.output_per_second", "tokens/s", m.tokens / m.length(), s.tokens / s.length()});
  const Stat* blocks = record.find("kv.blocks");
  if (measured.kv_blocks && blocks != nullptr) {
    out.totals.push_back({"kv.blocks", "1", *measured.kv_blocks, blocks->value});
  }
  out.worst = worst_of(pairs);
  const auto lone = [&](std::size_t all, const char* side) {
    if (all > pairs.size()) {
      out.remarks.push_back(fmt::format("{} requests were only {}", all - pairs.size(), side));
    }
  };
  lone(measured.requests.size(), "measured");
  lone(record.requests.size(), "simulated");
  if (unfinished > 0) out.remarks.push_back(fmt::format("{} did not finish in time", unfinished));
  remark_lengths(pairs, out.remarks);
  return out;
}

std::vector<Measurement> MeasuredComparison::measurements() const {
  std::vector<Measurement> out;
  for (const MetricComparison& metric : metrics) {
    const Distribution& d = metric.measured;
    for (const auto& [of, value] :
         {std::pair("mean", d.mean), std::pair("p50", d.p50), std::pair("p90", d.p90),
          std::pair("p95", d.p95), std::pair("p99", d.p99)}) {
      out.push_back({source, metric.name + "." + of, "s", value});
    }
  }
  for (const TotalComparison& t : totals) out.push_back({source, t.name, t.unit, t.measured});
  return out;
}

Page MeasuredComparison::page() const {
  Page page;
  page.title(fmt::format("{} beside the measured run", run));
  page.line(fmt::format("{} requests of {}", pairs, source));
  page.heading("Whole run");
  const auto row = [](const std::string& name, double measured, double simulated,
                      const std::string& unit) {
    return std::vector<std::string>{name, human(measured, unit), human(simulated, unit),
                                    human_signed_percent(simulated / measured - 1)};
  };
  Grid numbers;
  numbers.columns = {{""}, {"measured", true}, {"simulated", true}, {"difference", true}};
  for (const TotalComparison& t : totals) {
    numbers.add(row(t.name, t.measured, t.simulated, t.unit));
  }
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    const Distribution &m = metrics[i].measured, &s = metrics[i].simulated;
    const std::string name = metrics_known[i].words;
    numbers.add(row(name + " mean", m.mean, s.mean, "s"));
    numbers.add(row(name + " p50", m.p50, s.p50, "s"));
    numbers.add(row(name + " p90", m.p90, s.p90, "s"));
    numbers.add(row(name + " p95", m.p95, s.p95, "s"));
    numbers.add(row(name + " p99", m.p99, s.p99, "s"));
  }
  page.table(std::move(numbers));
  page.heading("Request by request");
  Grid errors;
  errors.columns = {{""}, {"median error", true}, {"p90 error", true}, {"correlation", true}};
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    errors.add({metrics_known[i].words, human_percent(metrics[i].median_error),
                human_percent(metrics[i].p90_error),
                fmt::format("{:.4f}", metrics[i].correlation)});
  }
  page.table(std::move(errors));
  page.heading("Worst requests, by the error of their latency");
  Grid bad;
  bad.columns = {{"request"},         {"in", true},       {"out", true},  {"latency", true},
                 {"simulated", true}, {"error", true},    {"TTFT", true}, {"simulated", true},
                 {"TPOT", true},      {"simulated", true}};
  for (const RequestComparison& r : worst) {
    bad.add({r.name, human_count(static_cast<double>(r.measured.input_tokens)),
             human_count(static_cast<double>(r.measured.output_tokens)),
             human(latency_of(r.measured), "s"), human(latency_of(r.simulated), "s"),
             human_signed_percent(r.error), human(ttft_of(r.measured), "s"),
             human(ttft_of(r.simulated), "s"), human(tpot_of(r.measured), "s"),
             human(tpot_of(r.simulated), "s")});
  }
  page.table(std::move(bad));
  for (const std::string& remark : remarks) page.item(remark);
  return page;
}

}  // namespace terrace
