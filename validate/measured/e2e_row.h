// A row of e2e.csv, and how one is expressed as a scenario.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "validate/measured/row.h"
#include "validate/measured/run_bench.h"
#include "validate/measured/table.h"

namespace terrace::validate {

struct E2eRow : MeasuredRow {
  std::string workload, input, output, load;   // as written; input and output may be blank
  double input_tokens = 0, output_tokens = 0;  // 0 where blank

  // The number behind `key`, or in front of it where `key` starts with a blank ("batch=", "
  // req/s"); none: 0.
  double number_of(const std::string& key) const;
};

// Reads all of it. Throws ConfigError with every bad line.
std::vector<E2eRow> read_e2e(Table& table, const std::string& file);
Table::Columns e2e_columns();

// What becomes of a row: a scenario and what to ask of its record, or why not.
struct Expressed {
  std::string reason;  // empty: it is expressed
  RunSpec run;
  std::function<double(const Record&)> value;  // in the row's unit
  std::string op;                              // "TTFT", "TPOT", "latency", "throughput"
  double batch = 0;                            // for the class of size
};
Expressed not_expressed(std::string reason);

struct SourceRule {
  std::string source;  // how row.source starts
  std::function<Expressed(const E2eRow&)> express;
};
// By kind of run. The first rule whose source fits holds.
std::vector<SourceRule> batch_rules();
std::vector<SourceRule> serving_rules(const std::string& data);
std::vector<SourceRule> offload_rules();
std::vector<SourceRule> left_out_rules();

// --- what rules share ---
std::string fixed_lengths(double input, double output);  // YAML
std::string static_batch(const E2eRow& row, double batch, double output);
// The system with that many GPUs; "" where there is no config.
std::string system_of(const std::string& hardware, int gpus);
// "llm/llama-2-70b.yaml"; "" where there is none.
std::string model_of(const std::string& name);
// The model with stored weights, arithmetic and cache in narrower formats, as YAML.
std::string model_in(const std::string& file, const std::string& formats);

double stat(const Record& record, const std::string& name);  // NaN where it has none
double times(const Record& record, const std::string& name, double factor);

}  // namespace terrace::validate
