// Measured static batches as scenarios: engines in C++, engines that launch from Python, llama.cpp.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "validate/measured/e2e_row.h"

namespace terrace::validate {
namespace {

enum class Engine { cpp, python };

struct Batch {
  Engine engine = Engine::cpp;
  double batch = 1;
  std::string formats;     // of the model, in YAML
  double step_tokens = 0;  // of a prefill step; 0: the whole batch
  bool pipeline = false;   // GPUs hold layers in turn, not shares of each
};

// What the metrics of static batches mean.
bool ask(const E2eRow& row, double batch, Expressed& e) {
  const double in = row.input_tokens, gpus = row.gpus;
  const std::map<std::string, std::pair<const char*, std::function<double(const Record&)>>> known =
      {{"e2e_latency", {"latency", [](const Record& r) { return times(r, "makespan", 1e3); }}},
       {"ttft", {"TTFT", [](const Record& r) { return times(r, "ttft_from_arrival.mean", 1e3); }}},
       {"tpot", {"TPOT", [](const Record& r) { return times(r, "tpot.mean", 1e3); }}},
       {"itl_p50", {"TPOT", [](const Record& r) { return times(r, "itl.p50", 1e3); }}},
       {"output_throughput",
        {"throughput", [](const Record& r) { return stat(r, "tokens.output_per_second"); }}},
       {"output_throughput_per_gpu",
        {"throughput",
         [gpus](const Record& r) { return times(r, "tokens.output_per_second", 1 / gpus); }}},
       {"prefill_throughput",
        {"TTFT", [=](const Record& r) { return batch * in / stat(r, "ttft_from_arrival.mean"); }}},
       {"decode_throughput",
        {"TPOT", [=](const Record& r) { return batch / stat(r, "tpot.mean"); }}}};
  static const std::map<std::string, std::string> same = {
      {"prefill_time", "ttft"},
      {"ttft_mean", "ttft"},
      {"decode_throughput_short_ctx", "decode_throughput"},
      {"decode_throughput_full_ctx", "decode_throughput"}};
  const auto other = same.find(row.what);
  const auto found = known.find(other == same.end() ? row.what : other->second);
  if (found == known.end()) return false;
  e.op = found->second.first;
  e.value = found->second.second;
  return true;
}

std::string why_not(const std::string& metric) {
  if (metric.find("memory_used") != std::string::npos)
    return "what an engine's allocator holds is not predicted for a static batch";
  if (metric.find("power") != std::string::npos) return "peak power is not predicted";
  if (metric == "achieved_memory_bandwidth")
    return "the same measurement as its tokens/s, times the bytes of the weights";
  return "metric \"" + metric + "\" is not predicted";
}

Expressed expressed(const E2eRow& row, const Batch& b) {
  const std::string system = system_of(row.hardware, row.gpus), model = model_of(row.model);
  if (system.empty()) return not_expressed("no config of " + row.hardware);
  if (model.empty()) return not_expressed("no config of " + row.model);
  Expressed e;
  e.batch = b.batch;
  if (!ask(row, b.batch, e)) return not_expressed(why_not(row.what));
  const double input = std::max(1.0, row.input_tokens), output = std::max(1.0, row.output_tokens);
  // The last token is not fed back, so a prompt and its answer need no more positions than this.
  const double length = std::max(2.0, input + output);
  const std::string engine = "workload.engine.";
  const double tokens = b.step_tokens > 0 ? b.step_tokens : b.batch * input;
  E2eRow padded = row;
  padded.input_tokens = input;
  e.run.base = b.engine == Engine::cpp ? "scenarios/measured/static_batch.yaml"
                                       : "scenarios/measured/python_batch.yaml";
  e.run.sets = {
      {"system", system},
      {"workload.model", model_in(model, b.formats)},
      {"workload.requests", static_batch(padded, b.batch, output)},
      {engine + "max_num_seqs", fmt::format("{}", b.batch)},
      {engine + "max_num_batched_tokens", fmt::format("{}", std::max(tokens, b.batch))},
      {engine + "max_model_len", fmt::format("{}", length)},
      {"workload.parallel", fmt::format("{{{}: {}}}", b.pipeline ? "pp" : "tp", row.gpus)}};
  return e;
}

std::string positions(double length) { return fmt::format("max_positions: {}", length); }

// gptSessionBenchmark, fp8 with an fp8 cache: docs/source/performance.md of TensorRT-LLM 0.9.0. Its
// lengths go beyond what models were trained for.
Expressed tensorrt_llm(const E2eRow& row) {
  const std::string fp8 =
      row.dtype == "FP8" ? ", weight_format: fp8, activation_format: fp8, kv_format: fp8" : "";
  return expressed(row, {Engine::cpp, row.number_of("batch="),
                         positions(row.input_tokens + row.output_tokens + 1) + fp8});
}

// Q4_K: 4-bit numbers in blocks of 32 with 6-bit scale and minimum, and two fp16 by 256: 4.5 bits a
// weight (ggml-quants.h), said here as a byte each. Prompts go in micro-batches of 512 (-ub).
// Layers are spread over the GPUs (--split-mode layer).
Expressed llama_cpp(const E2eRow& row) {
  if (row.hardware == "A100-SXM-80G" && row.dtype == "F16" && row.model == "Llama-3-8B" &&
      row.what == "prefill_throughput")
    return not_expressed("an outlier of its source: a twentieth of what smaller GPUs reach");
  const bool quantised = row.dtype == "Q4_K_M";
  return expressed(row, {Engine::cpp, 1,
                         quantised ? "dtype: fp16, weight_format: int4, weight_scales: {group: 32, "
                                     "format: fp8, zero_bits: 8}"
                                   : "dtype: fp16",
                         512, true});
}

// A step is one CUDA graph, batch 1; tokens/s counts the whole answer. int8 by channel, int4 in
// groups of 32: its README.
Expressed gpt_fast(const E2eRow& row) {
  const std::string formats = row.dtype == "8-bit" ? "dtype: bf16, weight_format: int8"
                              : row.dtype == "4-bit (G=32)"
                                  ? "dtype: bf16, weight_format: int4, weight_scales: {group: 32, "
                                    "format: bf16, zero_bits: 16}"
                                  : "dtype: bf16";
  E2eRow whole = row;
  if (row.what == "decode_throughput") whole.what = "output_throughput";
  return expressed(whole, {Engine::cpp, 1, formats});
}

Expressed plain(const E2eRow& row, Engine engine, const std::string& formats = "") {
  return expressed(row, {engine, row.number_of("batch="), formats});
}

// From 512 tokens on, whole runs take the same time whatever the length asked for, and a fraction
// of what their own time by token comes to: answers ended early.
Expressed splitwise(const E2eRow& row) {
  if (row.what == "e2e_latency" && row.output_tokens >= 512)
    return not_expressed("answers ended before the length asked for");
  return plain(row, Engine::python, positions(row.input_tokens + row.output_tokens + 1));
}

// AutoAWQ: 4-bit weights in groups of 128 with a zero point, modules of Transformers; on two GPUs
// their layers lie one after the other.
Expressed auto_awq(const E2eRow& row) {
  if (row.hardware.rfind("CPU", 0) == 0) return not_expressed("inference on a CPU is not modelled");
  if (row.source.find("GEMV") != std::string::npos && row.what == "prefill_throughput")
    return not_expressed("prompts through a kernel for single vectors are not modelled");
  return expressed(
      row, {Engine::python, row.number_of("batch="), "dtype: fp16, weight_format: int4", 0, true});
}

// The prompt is 1920 tokens; "short context" generates behind an almost empty one: its README.
Expressed ex_llama(const E2eRow& row) {
  E2eRow said = row;
  if (row.what == "decode_throughput_short_ctx") said.input_tokens = 4;
  if (row.what == "prefill_throughput") said.output_tokens = 1;
  return expressed(said, {Engine::python, 1, "dtype: fp16, weight_format: int4"});
}

}  // namespace

std::vector<SourceRule> batch_rules() {
  return {{"FasterTransformer", [](const E2eRow& r) { return plain(r, Engine::cpp); }},
          {"LMDeploy", [](const E2eRow& r) { return plain(r, Engine::cpp); }},
          {"Splitwise", splitwise},
          {"TensorRT-LLM", tensorrt_llm},
          {"llama.cpp", llama_cpp},
          {"gpt-fast", gpt_fast},
          {"AutoAWQ", auto_awq},
          {"ExLlama GPTQ", ex_llama}};
}

}  // namespace terrace::validate
