// The report a person reads first: what came out, where the time went, what every part of the
// machine did, and how fast it was computed. What a record does not say is left out.
#pragma once

#include <string>
#include <vector>

#include "results/page.h"
#include "sim/record.h"

namespace terrace {

struct ReportOptions {
  bool full = false;  // every statistic with its sentence, and every series, at the end
  bool speed = true;  // how long the computing took; off where a text must not differ by the run
};

Page report(const Record& record, const ReportOptions& options = {});
// Throughput, TTFT and TPOT in a line, for a list of runs.
std::string one_line_report(const Record& record);

// The parts of it, for who wants one.
void add_headline(const Record& record,
                  Page& page);  // throughput, latency, goodput, KV, energy, cost
void add_shares(const Record& record, Page& page);   // where the time went
void add_machine(const Record& record, Page& page);  // engines, links and devices, memories
void add_ops(const Record& record, Page& page);      // time and roofline by op
void add_speed(const Record& record, Page& page);

// Percentages with one decimal that add up to `total` exactly (largest remainder), when the
// fractions do so within 1e-6; simply rounded otherwise.
std::vector<double> rounded_percentages(const std::vector<double>& fractions, double total = 100);

}  // namespace terrace
