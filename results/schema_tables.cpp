// The tables: what is kept of a run. Units are SI base units (s, B, J, FLOP, USD) throughout.
#include "results/schema.h"

namespace terrace {
namespace {

const char* const of_run = "INTEGER NOT NULL REFERENCES run(id) ON DELETE CASCADE";
const char* const some_run = "INTEGER REFERENCES run(id) ON DELETE CASCADE";
const char* const whole = "INTEGER NOT NULL";
const char* const real = "REAL";  // NULL stands for "not a number"
const char* const text = "TEXT NOT NULL";
const char* const order = "place in the list, from 0";

DatabaseTable run_table() {
  return {"run",
          "one simulated or executed run; it can be run again from here",
          {{"id", "INTEGER PRIMARY KEY", "number of the run"},
           {"name", text, "name of the scenario"},
           {"scenario", text, "canonical scenario: JSON, defaults filled in, keys sorted"},
           {"scenario_hash", text, "hash of the canonical scenario"},
           {"code_version", text, "version of Terrace that made the run"},
           {"backend", text, "who ran it: simulate, or a real GPU"},
           {"kv_policy", "TEXT NOT NULL DEFAULT ''",
            "hash of its KV-cache policy, as quality.policy_hash; empty: the full cache"},
           {"seed", whole, "random seed; above 2^63 it appears as seed - 2^64"},
           {"simulated_seconds", real, "length of the run, s of simulated time"},
           {"wall_seconds", real, "how long the run took to compute, s"},
           {"peak_memory_bytes", real, "most memory the computing process held, B"},
           {"record_hash", text, "hash of all results: equal for runs that came out equal"},
           {"created_at", text, "when it was stored, UTC, ISO 8601"}},
          {"UNIQUE (scenario_hash, code_version, seed, backend)"}};
}

DatabaseTable op_table() {
  return {"op_breakdown",
          "time and work by op label",
          {{"run", of_run, "the run"},
           {"position", whole, order},
           {"label", text, "name of the op in the model, such as attention.qkv"},
           {"kind", text, "gemm, attention_decode, copy, …"},
           {"bottleneck", text, "resource that bound it for most of its time"},
           {"count", whole, "how many were run"},
           {"seconds", real, "time in which they ran, s"},
           {"flops", real, "arithmetic done, FLOP"},
           {"read_bytes", real, "bytes read, B"},
           {"written_bytes", real, "bytes written, B"},
           {"bound_seconds", real, "roofline: the least time this machine could need, s"}},
          {"PRIMARY KEY (run, position)"}};
}

DatabaseTable tier_table() {
  return {"tier_traffic",
          "bytes, energy and occupancy by memory tier",
          {{"run", of_run, "the run"},
           {"position", whole, order},
           {"tier", text, "name of the memory, such as gpu0.hbm"},
           {"read_bytes", real, "bytes read from it, B"},
           {"written_bytes", real, "bytes written to it, B"},
           {"joules", real, "dynamic energy of that traffic, J"},
           {"busy_fraction", real, "part of the run in which it was in use, 0 … 1"},
           {"capacity_bytes", real, "size, B"},
           {"peak_bytes", real, "most that was allocated in it, B"}},
          {"PRIMARY KEY (run, position)"}};
}

DatabaseTable request_table() {
  return {"request",
          "one row per request; times in s since the start of the run",
          {{"run", of_run, "the run"},
           {"position", whole, order},
           {"id", whole, "number of the request in its trace"},
           {"arrival", real, "when it arrived, s"},
           {"scheduled", real, "when it was first scheduled, s"},
           {"first_token", real, "when its first output token was ready, s"},
           {"finished", real, "when its last output token was ready, s"},
           {"input_tokens", whole, "prompt length, tokens"},
           {"output_tokens", whole, "tokens generated"},
           {"cached_tokens", whole, "prompt tokens found in the prefix cache"},
           {"preemptions", whole, "how often it was preempted"},
           {"replica", whole, "data-parallel replica that served it, from 0"}},
          {"PRIMARY KEY (run, position)"}};
}

std::vector<DatabaseTable> measured_tables() {
  return {{"measurement",
           "a number measured on real hardware, to lay beside a predicted one",
           {{"id", "INTEGER PRIMARY KEY", "number of the measurement"},
            {"run", some_run, "the run that predicts it; NULL: none yet"},
            {"source", text, "where it was measured: file, paper or machine"},
            {"subject", text, "what was measured, as in stat.name where there is one"},
            {"unit", text, "its unit"},
            {"value", real, "the measured value"},
            {"predicted", real, "what Terrace says, in the same unit; NULL: ask the run"},
            {"family", "TEXT", "rows that accuracy sums up; NULL: of `terrace compare`"},
            {"hardware", "TEXT", "the GPU"},
            {"gpus", "INTEGER", "how many of them"},
            {"model", "TEXT", "the model"},
            {"dtype", "TEXT", "number format, as the source says it"},
            {"shape", "TEXT", "sizes of the op, or lengths and load of the run"},
            {"citation", "TEXT", "file and line it was read from, and who published it"}},
           {}},
          {"accuracy",
           "errors of predictions against measured rows, of the last terrace validate accuracy",
           {{"position", "INTEGER PRIMARY KEY", order},
            {"grouping", text, "family, op, size or hardware"},
            {"name", text, "which of them"},
            {"rows", whole, "rows compared"},
            {"median", real, "median size of the relative error of a time"},
            {"p90", real, "90th percentile of it"},
            {"bias", real, "mean relative error; above 0: too slow"},
            {"within_10", real, "part of the rows within 10 %"},
            {"within_20", real, "part of the rows within 20 %"},
            {"code_version", text, "version of Terrace"}},
           {}},
          {"quality",
           "output quality of a cache policy",
           {{"id", "INTEGER PRIMARY KEY", "number of the row"},
            {"run", some_run, "the run that used the policy; NULL: measured by itself"},
            {"policy", text, "the policy"},
            {"policy_hash", "TEXT NOT NULL DEFAULT ''", "what the policy does, as run.kv_policy"},
            {"trace", text, "model and text on which it was measured"},
            {"metric", text, "output error, attention mass kept, perplexity, KL, …"},
            {"unit", text, "its unit"},
            {"value", real, "the value"},
            {"source", text, "who computed it"}},
           {}}};
}

std::vector<DatabaseTable> all_tables() {
  std::vector<DatabaseTable> tables = {
      run_table(),
      {"point",
       "the choices that led to a run: its place in a design space",
       {{"run", of_run, "the run"},
        {"path", text, "path in the scenario, such as serving.max_num_seqs"},
        {"value", "ANY", "the choice, to compare with; true and false are 1 and 0"},
        {"json", text, "the choice exactly, as JSON"}},
       {"PRIMARY KEY (run, path)"}},
      {"stat",
       "every statistic of a run",
       {{"run", of_run, "the run"},
        {"position", whole, order},
        {"name", text, "name, such as ttft.p50 or resource.gpu0.hbm.utilisation"},
        {"unit", text, "unit: s, B, tokens/s; 1 for counts and fractions"},
        {"value", real, "the value; NULL when it is not a number"},
        {"meaning", text, "what it counts, in a sentence"}},
       {"PRIMARY KEY (run, name)"}},
      op_table(),
      tier_table(),
      {"share",
       "where the time went; the shares of a run add up to 1",
       {{"run", of_run, "the run"},
        {"position", whole, order},
        {"cause", text, "compute, a resource, launch, latency, host, queueing or idle"},
        {"fraction", real, "part of the simulated time, 0 … 1"},
        {"seconds", real, "that time, s"}},
       {"PRIMARY KEY (run, position)"}},
      request_table(),
      {"series",
       "a quantity over simulated time; its values are in series_point",
       {{"id", "INTEGER PRIMARY KEY", "number of the series"},
        {"run", of_run, "the run"},
        {"position", whole, order},
        {"name", text, "what is followed, such as kv.occupancy"},
        {"unit", text, "its unit"}},
       {"UNIQUE (run, position)"}},
      {"series_point",
       "the values of a series",
       {{"series", "INTEGER NOT NULL REFERENCES series(id) ON DELETE CASCADE", "the series"},
        {"position", whole, order},
        {"at", real, "simulated time, s"},
        {"value", real, "value from then on"}},
       {"PRIMARY KEY (series, position)"}},
      {"remark",
       "what a reader of the run must know",
       {{"run", of_run, "the run"}, {"position", whole, order}, {"text", text, "the remark"}},
       {"PRIMARY KEY (run, position)"}}};
  for (DatabaseTable& table : measured_tables()) tables.push_back(std::move(table));
  tables.push_back({"doc",
                    "what every table, view and column means",
                    {{"object", text, "table or view"},
                     {"name", text, "column; empty: the table itself"},
                     {"meaning", text, "a sentence, with the unit"}},
                    {"PRIMARY KEY (object, name)"}});
  return tables;
}

}  // namespace

const std::vector<DatabaseTable>& database_tables() {
  static const std::vector<DatabaseTable> tables = all_tables();
  return tables;
}

}  // namespace terrace
