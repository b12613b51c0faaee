// Runs of which every request is known: OPT-13B by vLLM on an A100 (LLMServe/DistServe,
// simdistserve/benchmarks/alignment) and Llama-3.1-8B by vLLM on an RTX 4090
// (casys-kaist/LLMServingSim, bench/examples/RTX4090). State: none.
#include "validate/measured/requests_replayed.h"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "results/measured.h"
#include "validate/measured/measured_set.h"
#include "validate/measured/table.h"

namespace terrace::validate {
namespace {

namespace fs = std::filesystem;

enum : std::size_t { input, output, issued, first, complete, ttft, tpot, latency };

Table::Columns columns() {
  return {{"prompt_len"},    {"output_len"}, {"issue_time"}, {"first_token_time"},
          {"complete_time"}, {"ttft_ms"},    {"tpot_ms"},    {"latency_ms"}};
}

std::string name_of(int count, int rate) {
  return fmt::format("distserve/vllm-{}-{}.csv", count, rate);
}

const RequestRow* find(const Record& record, std::int64_t id) {
  for (const RequestRow& r : record.requests)
    if (r.id == id) return &r;
  return nullptr;
}

void compare(const MeasuredSet::Task& task, const MeasuredRow& row, const std::string& family,
             const char* op, double predicted, const RunResult& result) {
  if (!(row.value > 0) || !std::isfinite(predicted) || predicted <= 0)
    return task.errors.left_out(family, "a single token has no time by token");
  task.errors.compared(row, {RowClass::Section::runs, family, op, "requests, one by one"},
                       predicted, result.run);
}

class RequestsReplayed final : public MeasuredSet {
 public:
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  RequestsReplayed(const Params&, const Context&) {}

  void compare(const Task& task) const override {
    for (const auto& [count, rate] : {std::pair(100, 1), std::pair(200, 2), std::pair(300, 3)})
      compare_distserve(task, count, rate);
    compare_vllm(task);
  }

 private:
  static void compare_distserve(const Task& task, int count, int rate) {
    const std::string file = name_of(count, rate), family = "DistServe vllm, by request";
    const RunResult& result = task.runs.run(distserve_run(task.data, count, rate));
    Table rows(task.data + file, columns());
    // Ids count the requests in the order of their arrival, as the replay sorts them.
    std::vector<std::pair<double, int>> order;
    struct Times {
      double ttft, tpot, latency, in, out;
      int line;
    };
    std::vector<Times> all;
    while (rows.next()) {
      order.emplace_back(rows.number(issued), static_cast<int>(all.size()));
      all.push_back({rows.number(ttft), rows.number(tpot), rows.number(latency), rows.number(input),
                     rows.number(output), rows.line()});
    }
    rows.raise();
    if (!result.record)
      return task.errors.left_out(family, "Terrace cannot run it: " + result.why, 3 * all.size());
    std::sort(order.begin(), order.end());
    for (std::size_t id = 0; id < order.size(); ++id) {
      const Times& t = all[static_cast<std::size_t>(order[id].second)];
      const RequestRow* r = find(*result.record, static_cast<std::int64_t>(id));
      if (r == nullptr) {
        task.errors.left_out(family, "not finished", 3);
        continue;
      }
      MeasuredRow row;
      row.file = file;
      row.line = t.line;
      row.source = "DistServe ground truth vllm";
      row.hardware = "A100-SXM-80G";
      row.model = "OPT-13B";
      row.dtype = "fp16";
      row.shape = fmt::format("{} req/s, {} in, {} out", rate, t.in, t.out);
      row.unit = "ms";
      row.citation = "LLMServe/DistServe";
      const std::tuple<const char*, const char*, double, double> metrics[] = {
          {"ttft", "TTFT", t.ttft, ttft_of(*r)},
          {"tpot", "TPOT", t.tpot, tpot_of(*r)},
          {"e2e_latency", "latency", t.latency, latency_of(*r)}};
      for (const auto& [what, op, measured, predicted] : metrics) {
        row.what = what;
        row.value = measured;
        validate::compare(task, row, family, op, predicted * 1e3, result);
      }
    }
  }

  static void compare_vllm(const Task& task) {
    const std::string file = "vllm_runs/rtx4090_llama-3.1-8b/vllm/requests.jsonl",
                      family = "vLLM 0.19 replay, by request";
    const MeasuredRun measured = read_measured(task.data + file);
    const RunResult& result = task.runs.run(replay_run(task.data));
    if (!result.record)
      return task.errors.left_out(family, "Terrace cannot run it: " + result.why,
                                  3 * measured.requests.size());
    int line = 0;
    for (const MeasuredRequest& m : measured.requests) {
      ++line;
      const RequestRow* r = find(*result.record, m.row.id);
      if (r == nullptr) {
        task.errors.left_out(family, "not finished", 3);
        continue;
      }
      MeasuredRow row;
      row.file = file;
      row.line = line;
      row.source = "vLLM 0.19";
      row.hardware = "RTX4090-24G";
      row.model = "Llama-3.1-8B";
      row.dtype = "bf16";
      row.shape = fmt::format("{}, {} in, {} out", m.name, m.row.input_tokens, m.row.output_tokens);
      row.unit = "s";
      row.citation = "casys-kaist/LLMServingSim";
      const std::tuple<const char*, const char*, double (*)(const RequestRow&)> metrics[] = {
          {"ttft", "TTFT", ttft_of},
          {"tpot", "TPOT", tpot_of},
          {"e2e_latency", "latency", latency_of}};
      for (const auto& [what, op, time] : metrics) {
        row.what = what;
        row.value = time(m.row);
        validate::compare(task, row, family, op, time(*r), result);
      }
    }
  }
};
TERRACE_REGISTER(MeasuredSet, RequestsReplayed, "requests_replayed",
                 "measured runs replayed request by request");

}  // namespace

bool has_distserve_run(const std::string& data, int count, int rate) {
  return fs::exists(data + name_of(count, rate));
}

RunSpec distserve_run(const std::string& data, int count, int rate) {
  Table rows(data + name_of(count, rate), columns());
  std::vector<std::tuple<double, double, double>> requests;
  while (rows.next())
    requests.emplace_back(rows.number(issued), rows.number(input, 1), rows.number(output, 1));
  rows.raise();
  std::stable_sort(requests.begin(), requests.end(),
                   [](const auto& a, const auto& b) { return std::get<0>(a) < std::get<0>(b); });
  const fs::path folder = fs::temp_directory_path() / "terrace_measured";
  fs::create_directories(folder);
  const fs::path file = folder / fmt::format("distserve_{}_{}.csv", count, rate);
  std::ofstream out(file);
  out << "arrival_s,input_tokens,output_tokens\n";
  for (const auto& [at, in, tokens] : requests)
    out << fmt::format("{:.6f},{},{}\n", at - std::get<0>(requests.front()), in, tokens);
  out.close();
  if (!out) throw BuildError("", file.string() + ": cannot be written");
  return {"scenarios/measured/vllm_v0.yaml",
          {{"system", "systems/a100_80g_x1.yaml"},
           {"workload.model", "llm/opt-13b.yaml"},
           {"workload.requests", fmt::format("{{kind: csv, file: {}}}", file.string())},
           {"workload.engine.max_model_len", "2048"},
           {"workload.engine.max_num_batched_tokens", "2048"},
           {"workload.engine.graphs", "{mode: none}"}}};  // vLLM of 2023 has none
}

RunSpec replay_run(const std::string& data) {
  return {"scenarios/replay_rtx4090.yaml",
          {{"workload.requests.file", data + "../traces/sharegpt-llama-3.1-8b-300-sps10.jsonl"}}};
}

}  // namespace terrace::validate
