// Measured serving under load as scenarios.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "results/measured.h"
#include "validate/measured/e2e_row.h"
#include "validate/measured/requests_replayed.h"

namespace terrace::validate {
namespace {

// "ttft_p90" is ttft_from_arrival.p90 in ms.
bool ask(const std::string& metric, Expressed& e) {
  static const std::map<std::string, std::pair<const char*, const char*>> latencies = {
      {"ttft", {"TTFT", "ttft_from_arrival"}},
      {"tpot", {"TPOT", "tpot"}},
      {"e2e_latency", {"latency", "latency_from_arrival"}}};
  const std::size_t cut = metric.rfind('_');
  const std::string last = cut == std::string::npos ? "" : metric.substr(cut + 1);
  const bool quantile = last == "mean" || last == "p50" || last == "p90" || last == "p99";
  const auto found = latencies.find(quantile ? metric.substr(0, cut) : metric);
  if (found != latencies.end()) {
    e.op = found->second.first;
    const std::string name =
        std::string(found->second.second) + "." + (quantile ? last : std::string("mean"));
    e.value = [name](const Record& r) { return times(r, name, 1e3); };
    return true;
  }
  const auto plain = [&](const char* op, const char* name, double factor) {
    e.op = op;
    e.value = [=](const Record& r) { return times(r, name, factor); };
    return true;
  };
  if (metric == "output_throughput") return plain("throughput", "tokens.output_per_second", 1);
  if (metric == "request_throughput") return plain("throughput", "requests.per_second", 1);
  if (metric == "makespan") return plain("latency", "makespan", 1);
  if (metric == "kv_cache_usage_max") return plain("KV occupancy", "kv.occupancy.peak", 100);
  return false;
}

Expressed online(const E2eRow& row, const std::string& base, const std::string& requests,
                 const std::string& formats, int tp, int dp = 1) {
  const std::string system = system_of(row.hardware, tp * dp), model = model_of(row.model);
  if (system.empty()) return not_expressed("no config of " + row.hardware);
  if (model.empty()) return not_expressed("no config of " + row.model);
  Expressed e;
  if (!ask(row.what, e)) return not_expressed("metric \"" + row.what + "\" is not predicted");
  e.run.base = base;
  e.run.sets = {{"system", system},
                {"workload.model", model_in(model, formats)},
                {"workload.parallel", fmt::format("{{tp: {}, dp: {}}}", tp, dp)},
                {"workload.requests", requests}};
  return e;
}

std::string users(const E2eRow& row, double count) {
  return fmt::format("{{kind: closed_loop, users: {}, count: {}, lengths: {}}}", count, 3 * count,
                     fixed_lengths(row.input_tokens, row.output_tokens));
}

// Mean over ten rounds of requests, as InferenceMAX asks them (num_prompts is ten times the
// concurrency); of three that are simulated the last two stand for the other nine.
double ten_rounds(const Record& record, double users, double (*time)(const RequestRow&)) {
  double first = 0, later = 0, first_count = 0, later_count = 0;
  for (const RequestRow& r : record.requests) {
    const bool early = static_cast<double>(r.id) < users;
    (early ? first : later) += time(r);
    (early ? first_count : later_count) += 1;
  }
  return 0.1 * first / first_count + 0.9 * later / later_count;
}

// `concurrency` users without a pause. Blank formats are those of the checkpoint.
Expressed inference_x(const E2eRow& row) {
  if (row.workload.rfind("disagg", 0) == 0)
    return not_expressed("prefill and decode on separate replicas are not modelled");
  if (row.dtype == "fp4") return not_expressed("no config of " + row.hardware);
  const double count = std::max(row.number_of("concurrency="), row.number_of("batch="));
  Expressed e =
      online(row, "scenarios/measured/online.yaml", users(row, count),
             row.dtype == "fp8" ? "weight_format: fp8, activation_format: fp8" : "", row.gpus);
  if (e.reason.empty())
    e.value = [=, first = row.what == "ttft"](const Record& r) {
      return 1e3 * ten_rounds(r, count, first ? ttft_of : tpot_of);
    };
  e.batch = count;
  return e;
}

Expressed ninehills(const E2eRow& row) {
  if (row.source.find("text-generation-webui") != std::string::npos)
    return not_expressed("one request after the other through Transformers is not modelled");
  const double count = row.number_of("concurrency=");
  Expressed e = online(row, "scenarios/measured/online.yaml", users(row, count),
                       row.dtype == "bf16" ? "" : "weight_format: int4", row.gpus);
  e.batch = count;
  if (e.reason.empty()) {
    e.run.sets.emplace_back("workload.engine.max_num_seqs", "256");
    e.run.sets.emplace_back("workload.engine.max_num_batched_tokens",
                            "2048");  // vLLM, on such GPUs
    e.run.sets.emplace_back("workload.engine.max_model_len", "4096");
  }
  return e;
}

// One replica's share of a Poisson stream. The trace is not published: every request has the mean
// lengths, and 64 of them stand for all.
Expressed apex(const E2eRow& row) {
  const double rate = row.number_of(" req/s"), all = row.number_of("n=");
  const std::size_t dp = row.load.find("DP");
  const double replicas = dp == std::string::npos ? 1 : static_cast<double>(row.load[dp - 1] - '0');
  constexpr double sample = 64;
  E2eRow said = row;
  if (row.what == "sum_request_latency") said.what = "e2e_latency";
  Expressed e = online(
      said, "scenarios/measured/vllm_v0.yaml",
      fmt::format("{{kind: synthetic, arrival: {{kind: poisson, rate: {}/s}}, count: {}, "
                  "lengths: {}}}",
                  rate / replicas, sample, fixed_lengths(row.input_tokens, row.output_tokens)),
      "", row.gpus);
  if (e.reason.empty() && row.what == "sum_request_latency")
    e.value = [all](const Record& r) { return times(r, "latency_from_arrival.mean", all); };
  e.batch = 1;
  return e;
}

// MLPerf Inference v4.1, llama2-70b: fp8 with an fp8 cache, two GPUs a replica as in NVIDIA's
// configuration; lengths are the means of the data set, and a node of eight stands for several.
Expressed ml_perf(const E2eRow& row) {
  const int node = std::min(row.gpus, 8);
  const double nodes = static_cast<double>(row.gpus) / node;
  const std::string lengths = fixed_lengths(row.input_tokens, row.output_tokens);
  const double rate = row.number_of(" qps") / nodes;
  const std::string requests =
      rate > 0 ? fmt::format(
                     "{{kind: synthetic, arrival: {{kind: poisson, rate: {}/s}}, count: {}, "
                     "lengths: {}}}",
                     rate, 512 * node, lengths)
               : fmt::format("{{kind: static_batch, batch: {}, lengths: {}}}", 512 * node, lengths);
  E2eRow said = row;
  if (row.what == "output_throughput_total") said.what = "output_throughput";
  if (row.what == "samples_per_s") said.what = "request_throughput";
  Expressed e = online(said, "scenarios/measured/online.yaml", requests,
                       "weight_format: fp8, activation_format: fp8, kv_format: fp8", 2, node / 2);
  if (e.reason.empty() && e.op == "throughput")
    e.value = [value = e.value, nodes](const Record& r) { return nodes * value(r); };
  if (e.reason.empty()) e.run.sets.emplace_back("workload.engine.max_model_len", "2048");
  e.batch = rate > 0 ? 256 : 1024;
  return e;
}

// The measured requests themselves, replayed.
Expressed replayed(const E2eRow& row, RunSpec run, double batch) {
  Expressed e;
  if (!ask(row.what, e)) return not_expressed("metric \"" + row.what + "\" is not predicted");
  e.run = std::move(run);
  e.batch = batch;
  return e;
}

Expressed distserve(const E2eRow& row, const std::string& data) {
  const double rate = row.number_of(" req/s");
  const int count = static_cast<int>(row.number_of("n=")), whole = static_cast<int>(rate);
  if (whole != rate || !has_distserve_run(data, count, whole))
    return not_expressed("arrivals and lengths of that run are not at hand");
  return replayed(row, distserve_run(data, count, whole), 16);
}

}  // namespace

std::vector<SourceRule> serving_rules(const std::string& data) {
  const auto because = [](const char* why) {
    return [why](const E2eRow&) { return not_expressed(why); };
  };
  return {
      {"LLMServingSim vLLM", [data](const E2eRow& r) { return replayed(r, replay_run(data), 49); }},
      {"InferenceX", inference_x},
      {"APEX+", apex},
      {"MLPerf", ml_perf},
      {"ninehills", ninehills},
      {"DistServe ground truth vllm", [data](const E2eRow& r) { return distserve(r, data); }},
      {"DistServe ground truth distserve",
       because("prefill and decode on separate replicas are not modelled")},
      {"inference-sim", because("one figure over a sweep of rates that are not given")}};
}

}  // namespace terrace::validate
