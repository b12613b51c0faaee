// The statistics of a serving run: names, units, meanings.
#include <algorithm>
#include <array>

#include "workloads/serving/metrics.h"

namespace terrace {
namespace {

double ratio(double a, double b) { return b > 0 ? a / b : 0; }
double number(std::int64_t n) { return static_cast<double>(n); }

}  // namespace

void report_samples(Record& record, const std::string& name, const Samples& samples,
                    const std::string& unit, const std::string& meaning) {
  record.stat(name + ".mean", samples.mean(), unit, meaning + ", mean");
  constexpr std::array<std::pair<const char*, double>, 4> quantiles = {
      {{"p50", 0.5}, {"p90", 0.9}, {"p95", 0.95}, {"p99", 0.99}}};
  for (const auto& [label, q] : quantiles)
    record.stat(name + "." + label, samples.quantile(q), unit,
                meaning + ", percentile " + (label + 1));
}

void Metrics::report(Record& record, double gpus) const {
  report_throughput(record, gpus);
  report_latency(record);
  report_queue(record);
  report_rows(record);
}

void Metrics::report_throughput(Record& record, double gpus) const {
  const double span = makespan(), out = number(output_tokens_), in = number(input_tokens_);
  record.stat("requests.count", number(arrived_), "1", "requests that arrived");
  record.stat("requests.completed", number(requests_completed()), "1",
              "requests that got their last token");
  record.stat("requests.per_second", ratio(number(requests_completed()), span), "1/s",
              "requests completed over the makespan");
  record.stat("makespan", span, "s", "from the first arrival to the last token");
  record.stat("tokens.input", in, "1", "tokens of prompts, each counted once");
  record.stat("tokens.output", out, "1", "tokens generated");
  record.stat("tokens.output_per_second", ratio(out, span), "1/s",
              "tokens generated over the makespan");
  record.stat("tokens.total_per_second", ratio(in + out, span), "1/s",
              "prompt and generated tokens over the makespan");
  record.stat("tokens.output_per_second_per_gpu", ratio(out, span * gpus), "1/s",
              "tokens.output_per_second by GPU that serves");
  record.stat("gpus", gpus, "1", "GPUs that serve");
  if (const Stat* energy = record.find("energy.total")) {
    const double joules = energy->value;
    record.stat("energy.per_output_token", ratio(joules, out), "J",
                "energy.total by token generated");
  }
  if (const Stat* price = record.find("cost.per_hour")) {
    const double dollars = price->value * record.simulated_seconds / 3600;
    record.stat("cost.per_million_output_tokens", ratio(dollars * 1e6, out), "USD",
                "price of all devices over the run, by million tokens generated");
  }
}

void Metrics::report_latency(Record& record) const {
  Samples ttft, from_arrival, tpot, latency, latency_from_arrival;
  std::int64_t good = 0;
  for (const Row& r : rows_) {
    const double first = (r.first - r.arrival).seconds();
    const double each = r.output > 1 ? (r.last - r.first).seconds() / (r.output - 1) : 0;
    ttft.add((r.first - r.queued).seconds());
    from_arrival.add(first);
    if (r.output > 1) tpot.add(each);
    latency.add((r.last - r.queued).seconds());
    latency_from_arrival.add((r.last - r.arrival).seconds());
    const bool soon = !slo_.ttft || first <= slo_.ttft->value();
    if (soon && (!slo_.tpot || each <= slo_.tpot->value())) ++good;
  }
  report_samples(record, "ttft", ttft, "s",
                 "first token after the engine took the request from its queue");
  report_samples(record, "ttft_from_arrival", from_arrival, "s",
                 "first token after the request arrived");
  report_samples(record, "tpot", tpot, "s", "time per output token after the first, by request");
  report_samples(record, "itl", gaps_, "s", "time between two tokens of a request");
  report_samples(record, "latency", latency, "s",
                 "last token after the engine took the request from its queue");
  report_samples(record, "latency_from_arrival", latency_from_arrival, "s",
                 "last token after the request arrived");
  record.stat("goodput.requests_per_second", ratio(number(good), makespan()), "1/s",
              "requests within the service level over the makespan");
  record.stat("goodput.fraction", ratio(number(good), number(arrived_)), "1",
              "part of the requests within the service level: ttft from arrival, and tpot");
  if (slo_.ttft)
    record.stat("slo.ttft", slo_.ttft->value(), "s", "service level: first token after arrival");
  if (slo_.tpot)
    record.stat("slo.tpot", slo_.tpot->value(), "s", "service level: time per output token");
}

// Little's law: mean number waiting = arrival rate x mean wait. The first is an integral over time,
// the last a sum over requests, so that a test can hold them against each other.
void Metrics::report_queue(Record& record) const {
  const double span = (now_ - (arrived_ > 0 ? first_arrival_ : now_)).seconds();
  const auto seconds = [](__int128 ps) { return static_cast<double>(ps) * 1e-12; };
  double waited = 0;
  std::int64_t preempted = 0;
  for (const Row& r : rows_) {
    waited += r.waited.seconds();
    preempted += r.preemptions > 0;
  }
  record.stat("queue.mean_waiting", ratio(seconds(waiting_ps_), span), "1",
              "requests that have arrived and do not run, mean over time");
  record.stat("queue.mean_running", ratio(seconds(running_ps_), span), "1",
              "requests that run, mean over time");
  record.stat("queue.mean_wait", ratio(waited, number(requests_completed())), "s",
              "time that a request does not run: before its admission, and when preempted");
  record.stat("queue.arrival_rate", ratio(number(arrived_), span), "1/s", "requests over the run");
  record.stat("queue.preempted_requests", number(preempted), "1",
              "requests preempted at least once");
  record.stat("kv.occupancy.mean", ratio(seconds(used_block_ps_) / number(usable_blocks_), span),
              "1", "part of the KV blocks that requests hold, mean over time");
  record.stat("kv.occupancy.peak", peak_usage_, "1",
              "largest part of the KV blocks that requests held");
}

void Metrics::report_rows(Record& record) const {
  if (record_.requests) {
    std::vector<const Row*> order;
    for (const Row& r : rows_) order.push_back(&r);
    std::sort(order.begin(), order.end(), [](const Row* a, const Row* b) { return a->id < b->id; });
    for (const Row* r : order) {
      RequestRow row;
      row.id = r->id;
      row.arrival = r->arrival.seconds();
      row.scheduled = r->scheduled.seconds();
      row.first_token = r->first.seconds();
      row.finished = r->last.seconds();
      row.input_tokens = r->input;
      row.output_tokens = r->output;
      row.cached_tokens = r->cached;
      row.preemptions = r->preemptions;
      row.replica = r->replica;
      record.requests.push_back(row);
    }
  }
  if (series_.empty()) return;
  const auto add = [&](const char* name, const char* unit, double Point::*value) {
    Series s;
    s.name = name;
    s.unit = unit;
    s.points.reserve(series_.size());
    for (const Point& p : series_) s.points.push_back({p.at, p.*value});
    record.series.push_back(std::move(s));
  };
  add("requests.running", "1", &Point::running);
  add("requests.waiting", "1", &Point::waiting);
  add("kv.occupancy", "1", &Point::usage);
  add("tokens.input_per_second", "1/s", &Point::input);
  add("tokens.output_per_second", "1/s", &Point::output);
}

}  // namespace terrace
