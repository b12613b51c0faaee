// What users and operators measure: latencies as vLLM defines them (v1/metrics/stats.py), queues,
// series.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/record.h"
#include "sim/schema.h"
#include "workloads/serving/samples.h"
#include "workloads/serving/scheduler.h"
#include "workloads/serving/sequences.h"

namespace terrace {

struct ServiceLevel {
  std::optional<Seconds> ttft, tpot;
  static void fields(Schema<ServiceLevel>& s);
};

struct RecordParams {
  bool requests = true;
  Seconds series_interval = Seconds(1);
  static void fields(Schema<RecordParams>& s);
};

class Metrics {
 public:
  Metrics(const ServiceLevel& slo, const RecordParams& record) : slo_(slo), record_(record) {}

  // How things stand from now on.
  struct State {
    std::int64_t running = 0, waiting = 0, used_blocks = 0, usable_blocks = 1;
  };
  void advance(Time now);  // first of all at every event; never backwards
  void arrived(Time now);  // advance()d to the arrival before
  void stands(const State& state) { state_ = state; }
  void output(const StepOutput& out, const Sequences& sequences);
  void finished(const Sequence& sequence, const SequenceInfo& info);

  std::int64_t requests_arrived() const { return arrived_; }
  std::int64_t requests_completed() const { return static_cast<std::int64_t>(rows_.size()); }
  std::int64_t output_tokens() const { return output_tokens_; }
  double makespan() const;  // first arrival to last token, s
  double peak_usage() const { return peak_usage_; }
  void report(Record& record, double gpus) const;

 private:
  struct Row {
    std::int64_t id = 0, cached = 0;
    Time arrival, queued, scheduled, first, last, waited;
    std::int32_t input = 0, output = 0, preemptions = 0, replica = 0;
  };
  void report_throughput(Record& record, double gpus) const;
  void report_latency(Record& record) const;
  void report_queue(Record& record) const;
  void report_rows(Record& record) const;
  void sample(Time at);

  ServiceLevel slo_;
  RecordParams record_;
  State state_;
  Time now_, next_sample_, first_arrival_ = Time::never(), last_token_;
  // Number x time in whole ps: the order and number of events change nothing.
  __int128 waiting_ps_ = 0, running_ps_ = 0, used_block_ps_ = 0;
  std::int64_t usable_blocks_ = 1;
  double peak_usage_ = 0;
  std::int64_t arrived_ = 0, input_tokens_ = 0, output_tokens_ = 0;
  std::int64_t interval_input_ = 0, interval_output_ = 0;
  Samples gaps_;
  std::vector<Row> rows_;
  struct Point {
    double at, running, waiting, usage, input, output;
  };
  std::vector<Point> series_;
};

// "mean", "p50", "p90", "p95" and "p99" of the samples under that name.
void report_samples(Record& record, const std::string& name, const Samples& samples,
                    const std::string& unit, const std::string& meaning);

}  // namespace terrace
