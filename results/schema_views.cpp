// The views: questions that everybody asks, answered from the tables.
#include <fmt/format.h>

#include "results/schema.h"

namespace terrace {
namespace {

DatabaseColumn plain(const char* name, const char* meaning) {
  return {name, std::string("r.") + name, meaning};
}

DatabaseColumn from_stat(const char* name, const char* stat, const char* meaning) {
  return {name, fmt::format("(SELECT value FROM stat WHERE run = r.id AND name = '{}')", stat),
          fmt::format("{} (stat {})", meaning, stat)};
}

DatabaseView run_wide() {
  DatabaseView view;
  view.name = "run_wide";
  view.meaning = "one row per run with the headline numbers; NULL where a run has no such number";
  view.from = "FROM run AS r";
  view.columns = {
      {"run", "r.id", "number of the run"},
      plain("name", "name of the scenario"),
      plain("backend", "who ran it"),
      plain("seed", "random seed"),
      plain("code_version", "version of Terrace"),
      plain("scenario_hash", "hash of the canonical scenario"),
      plain("kv_policy", "hash of its KV-cache policy; empty: the full cache"),
      plain("created_at", "when it was stored, UTC"),
      {"point",
       "(SELECT nullif(json_group_object(path, json(json)), '{}') FROM point WHERE run = r.id)",
       "its choices in a design space, JSON by path; NULL when it is not of a sweep"},
      plain("simulated_seconds", "simulated time, s"),
      plain("wall_seconds", "computing time, s"),
      {"speed", "r.simulated_seconds / nullif(r.wall_seconds, 0)",
       "simulated s per s of computing"},
      plain("peak_memory_bytes", "most memory held while computing, B"),
      from_stat("gpus", "gpus", "GPUs in the machine"),
      from_stat("requests", "requests.count", "requests asked"),
      from_stat("completed", "requests.completed", "requests completed"),
      from_stat("input_tokens", "tokens.input", "prompt tokens"),
      from_stat("output_tokens", "tokens.output", "tokens generated"),
      from_stat("requests_per_second", "requests.per_second", "throughput, requests/s"),
      from_stat("output_tokens_per_second", "tokens.output_per_second", "throughput, tokens/s"),
      from_stat("total_tokens_per_second", "tokens.total_per_second",
                "prompt and output tokens together, tokens/s"),
      from_stat("output_tokens_per_second_per_gpu", "tokens.output_per_second_per_gpu",
                "throughput per GPU, tokens/s")};
  const auto latency = [&](const std::string& name, const std::string& what) {
    for (const char* of : {"mean", "p50", "p90", "p99"}) {
      view.columns.push_back(from_stat(fmt::format("{}_{}", name, of).c_str(),
                                       fmt::format("{}.{}", name, of).c_str(),
                                       fmt::format("{}, {}, s", what, of).c_str()));
    }
  };
  latency("ttft", "time to first token");
  latency("tpot", "time per output token after the first");
  latency("itl", "time between two tokens of a request");
  latency("latency", "time from arrival to last token");
  const std::vector<DatabaseColumn> rest = {
      from_stat("goodput", "goodput.requests_per_second", "requests/s that met the SLO"),
      from_stat("goodput_fraction", "goodput.fraction", "part of the requests that met the SLO"),
      from_stat("kv_blocks", "kv.blocks", "KV blocks that fit"),
      from_stat("kv_occupancy_mean", "kv.occupancy.mean", "part of the KV blocks in use, mean"),
      from_stat("kv_occupancy_peak", "kv.occupancy.peak", "part of the KV blocks in use, peak"),
      from_stat("kv_hit_rate", "kv.hit_rate.total", "part of the prompt found in a KV cache"),
      from_stat("kv_held_share", "kv.held_share", "of a full cache that its policy holds"),
      from_stat("kv_output_error", "kv.quality.attention_output_error",
                "relative error of attention under its policy, on its trace"),
      from_stat("decode_tokens_per_second", "engine.decode_tokens_per_second",
                "tokens/s of steps without prompts"),
      from_stat("decode_batch", "engine.decode_batch", "requests in a step without prompts"),
      from_stat("preemptions", "preemptions", "preemptions"),
      from_stat("steps", "steps.count", "engine iterations"),
      from_stat("energy", "energy.total", "energy, J"),
      from_stat("energy_per_token", "energy.per_output_token", "energy per output token, J"),
      from_stat("power_mean", "power.mean", "mean power, W"),
      from_stat("cost_per_hour", "cost.per_hour", "price of the machine, USD/h"),
      from_stat("cost_per_million_tokens", "cost.per_million_output_tokens",
                "price of a million output tokens, USD"),
      {"tokens_per_dollar",
       "1e6 / (SELECT nullif(value, 0) FROM stat WHERE run = r.id AND name = "
       "'cost.per_million_output_tokens')",
       "output tokens per USD"},
      {"limited_by",
       "(SELECT cause FROM share WHERE run = r.id AND cause <> 'idle' ORDER BY fraction DESC, "
       "position LIMIT 1)",
       "what most of the time went to, idle apart"}};
  view.columns.insert(view.columns.end(), rest.begin(), rest.end());
  return view;
}

std::vector<DatabaseColumn> columns_of(const DatabaseView& view,
                                       const std::vector<std::string>& names) {
  std::vector<DatabaseColumn> columns;
  for (const std::string& name : names) {
    for (const DatabaseColumn& c : view.columns) {
      if (c.name == name) columns.push_back({c.name, "a." + c.name, c.meaning});
    }
  }
  return columns;
}

DatabaseView points(const DatabaseView& wide) {
  DatabaseView view;
  view.name = "points";
  view.meaning =
      "the rows of run_wide that belong to a sweep; a choice is point ->> '\"its.path\"'";
  for (const DatabaseColumn& c : wide.columns) {
    view.columns.push_back({c.name, "a." + c.name, c.meaning});
  }
  view.from = "FROM run_wide AS a\nWHERE EXISTS (SELECT 1 FROM point WHERE run = a.run)";
  return view;
}

// A run is dominated by one that is nowhere worse and somewhere better at the same work.
DatabaseView pareto(const DatabaseView& wide) {
  DatabaseView view;
  view.name = "pareto";
  view.meaning =
      "runs that no other run of the same work, backend and version beats: more tokens per dollar, "
      "lower TTFT p99, less energy per token; the same work is as many requests and tokens";
  view.columns = columns_of(
      wide, {"run", "name", "point", "tokens_per_dollar", "ttft_p99", "energy_per_token",
             "output_tokens_per_second", "tpot_p99", "goodput_fraction", "cost_per_hour",
             "limited_by", "requests", "input_tokens", "output_tokens", "backend", "code_version"});
  std::string names;
  for (const DatabaseColumn& c : view.columns) names += (names.empty() ? "" : ", ") + c.name;
  view.with = "WITH candidate AS MATERIALIZED (\n  SELECT " + names +
              "\n  FROM run_wide WHERE tokens_per_dollar IS NOT NULL AND ttft_p99 IS NOT NULL\n"
              "    AND energy_per_token IS NOT NULL)\n";
  view.from =
      "FROM candidate AS a WHERE NOT EXISTS (SELECT 1 FROM candidate AS b\n"
      "  WHERE b.requests IS a.requests AND b.input_tokens IS a.input_tokens\n"
      "    AND b.output_tokens IS a.output_tokens AND b.backend = a.backend\n"
      "    AND b.code_version = a.code_version AND b.tokens_per_dollar >= a.tokens_per_dollar\n"
      "    AND b.ttft_p99 <= a.ttft_p99 AND b.energy_per_token <= a.energy_per_token\n"
      "    AND (b.tokens_per_dollar > a.tokens_per_dollar OR b.ttft_p99 < a.ttft_p99\n"
      "      OR b.energy_per_token < a.energy_per_token))";
  return view;
}

}  // namespace

const std::vector<DatabaseView>& database_views() {
  static const std::vector<DatabaseView> views = [] {
    const DatabaseView wide = run_wide();
    return std::vector<DatabaseView>{wide, points(wide), pareto(wide)};
  }();
  return views;
}

}  // namespace terrace
