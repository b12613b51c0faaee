// Measured offloading as scenarios, and the sources of e2e.csv that no scenario expresses.
#include <fmt/format.h>

#include <sstream>

#include "validate/measured/e2e_row.h"

namespace terrace::validate {
namespace {

Expressed throughput(const std::string& base, Point sets, double batch) {
  Expressed e;
  e.run = {base, std::move(sets)};
  e.op = "throughput";
  e.value = [](const Record& r) { return stat(r, "tokens.output_per_second"); };
  e.batch = batch;
  return e;
}

// The policy of its README, which is the shipped scenario's.
Expressed paper_suite(const E2eRow& row) {
  if (row.dtype != "fp16") return not_expressed("what lies where with compression is not given");
  return throughput("scenarios/flexgen_opt30b.yaml", {}, 144);
}

// "%percent": weights, cache and activations on the GPU and in host memory; the rest on disk.
// assumed: attention on the CPU wherever an uncompressed cache lies in host memory.
Expressed bench_suite(const E2eRow& row) {
  const std::size_t at = row.workload.find("%percent ");
  if (at == std::string::npos) return not_expressed("what lies where is not given");
  std::istringstream words(row.workload.substr(at + 9));
  double share[6] = {};
  for (double& s : share)
    if (!(words >> s)) return not_expressed("what lies where is not given");
  const double batch = row.number_of("gpu_batch=");
  const std::size_t by = row.load.find(" x ");
  const double batches = by == std::string::npos ? 1 : std::stod(row.load.substr(by + 3));
  const bool packed = row.dtype.rfind("int4", 0) == 0;
  const std::string model = model_of(row.model);
  if (model.empty()) return not_expressed("no config of " + row.model);
  const auto text = [](double v) { return fmt::format("{}", v); };
  return throughput("scenarios/flexgen_opt30b.yaml",
                    {{"workload.model", model},
                     {"workload.gpu_batch", text(batch)},
                     {"workload.batches", text(batches)},
                     {"workload.prompt_tokens", text(row.input_tokens)},
                     {"workload.output_tokens", text(row.output_tokens)},
                     {"workload.weights_gpu", text(share[0])},
                     {"workload.weights_host", text(share[1])},
                     {"workload.cache_gpu", text(share[2])},
                     {"workload.cache_host", text(share[3])},
                     {"workload.hidden_gpu", text(share[4])},
                     {"workload.hidden_host", text(share[5])},
                     {"workload.host_attention", !packed && share[3] > 0 ? "true" : "false"},
                     {"workload.compress_weights", packed ? "true" : "false"},
                     {"workload.compress_cache", packed ? "true" : "false"}},
                    batch * batches);
}

}  // namespace

std::vector<SourceRule> offload_rules() {
  return {{"FlexGen paper suite: FlexGen", paper_suite}, {"FlexGen bench_suite", bench_suite}};
}

std::vector<SourceRule> left_out_rules() {
  const std::pair<const char*, const char*> reasons[] = {
      {"FlexGen paper suite", "another schedule of offloading than FlexGen's is not modelled"},
      {"ZeRO-Inference", "what lies where is not given, or its schedule is not modelled"},
      {"BLOOM", "ALiBi, and the layer-by-layer placement of Accelerate, are not modelled"},
      {"Mooncake PD", "no config of an H800, nor separate prefill and decode replicas"},
      {"KTransformers", "experts on a CPU are not modelled"},
      {"MLC", "length of the prompt, or variant of the GPU, is not given"},
      {"Exllama V2", "length of the prompt is not given"},
      {"Llama.cpp (mlc", "length of the prompt is not given"},
      {"vLLM (mlc", "length of the prompt is not given"},
      {"exllama (mlc", "length of the prompt is not given"},
      {"DeepSeek", "no config of an H800; lengths are not given"},
      {"SGLang (InferSim", "no config of an H20"}};
  std::vector<SourceRule> rules;
  for (const auto& [source, reason] : reasons)
    rules.push_back(
        {source, [why = std::string(reason)](const E2eRow&) { return not_expressed(why); }});
  return rules;
}

}  // namespace terrace::validate
