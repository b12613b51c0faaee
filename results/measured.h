// A run that was measured on real hardware, request by request, and how near a record comes to it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "results/database.h"
#include "results/distribution.h"
#include "results/page.h"
#include "sim/record.h"

namespace terrace {

struct MeasuredRequest {
  std::string name;  // "bench-17"
  RequestRow row;    // id: the number at the end of the name; times since the first arrival
};

struct MeasuredRun {
  std::string source;  // the file
  std::vector<MeasuredRequest> requests;
  std::optional<double> kv_blocks;  // from meta.json beside the file, where there is one
};

// Reads JSON lines with request_id, input_toks, output_toks, queued_ts, scheduled_ts,
// first_token_ts and last_token_ts (s, one monotonic clock). A request arrives when it is queued in
// the engine: arrival_time is on another clock, and vLLM's own statistics count from the queueing
// too. Throws ConfigError with every bad line.
MeasuredRun read_measured(const std::string& file);

// The latencies of a request, s. NaN where it has none: unfinished, or a single token for TPOT.
double ttft_of(const RequestRow& row);     // first token − arrival
double tpot_of(const RequestRow& row);     // (last token − first token) / (output tokens − 1)
double latency_of(const RequestRow& row);  // last token − arrival

struct MetricComparison {
  std::string name;  // "ttft"
  Distribution measured, simulated;
  double median_error = 0, p90_error = 0;  // of |simulated − measured| / measured, by request
  double correlation = 0;                  // Pearson's r over the requests
};

struct TotalComparison {  // one number of the whole run
  std::string name, unit;
  double measured = 0, simulated = 0;
  double difference() const { return simulated / measured - 1; }
};

struct RequestComparison {
  std::string name;
  RequestRow measured, simulated;
  double error = 0;  // relative error of the latency, signed
};

struct MeasuredComparison {
  std::string source, run;
  std::vector<MetricComparison> metrics;  // ttft, tpot, latency
  std::vector<TotalComparison> totals;    // makespan, output tokens/s, KV blocks
  std::vector<RequestComparison> worst;   // the greatest error of latency first, 10 at most
  std::vector<std::string> remarks;       // requests without a partner, other lengths, unfinished
  std::size_t pairs = 0;

  Page page() const;
  std::vector<Measurement> measurements() const;  // the measured side, to keep in the database
};

// Pairs requests by id. Throws std::runtime_error when no id is in both.
MeasuredComparison compare(const Record& record, const MeasuredRun& measured);

}  // namespace terrace
