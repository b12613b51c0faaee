// Rows of e2e.csv, and the words their cells use for machines and models.
#include "validate/measured/e2e_row.h"

#include <fmt/format.h>

#include <charconv>
#include <limits>
#include <map>

namespace terrace::validate {
namespace {

enum : std::size_t {
  source,
  hardware,
  gpus,
  model,
  dtype,
  workload,
  input,
  output,
  load,
  metric,
  value,
  unit,
  citation
};

double number_in(const std::string& text) {
  double number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

Table::Columns e2e_columns() {
  return {{"source"},   {"hardware"},  {"n_gpu"},      {"model"},         {"dtype"},
          {"workload"}, {"input_len"}, {"output_len"}, {"batch_or_rate"}, {"metric"},
          {"value"},    {"unit"},      {"citation"}};
}

double E2eRow::number_of(const std::string& key) const {
  std::size_t at = load.find(key);
  if (at == std::string::npos) return 0;
  if (key[0] != ' ') return number_in(load.substr(at + key.size()));
  while (at > 0 &&
         (std::isdigit(static_cast<unsigned char>(load[at - 1])) != 0 || load[at - 1] == '.'))
    --at;
  return number_in(load.substr(at));
}

std::vector<E2eRow> read_e2e(Table& table, const std::string& file) {
  std::vector<E2eRow> rows;
  while (table.next()) {
    E2eRow row;
    row.file = file;
    row.line = table.line();
    row.source = table.text(source);
    row.hardware = table.text(hardware);
    row.model = table.text(model);
    row.dtype = table.text(dtype);
    row.workload = table.text(workload);
    row.input = table.text(input);
    row.output = table.text(output);
    row.load = table.text(load);
    row.what = table.text(metric);
    row.unit = table.text(unit);
    row.citation = table.text(citation);
    row.value = table.number(value);
    if (!table.text(gpus).empty()) row.gpus = static_cast<int>(table.number(gpus, 1));
    if (!row.input.empty()) row.input_tokens = table.number(input);
    if (!row.output.empty()) row.output_tokens = table.number(output);
    row.shape = fmt::format("{}, {} in, {} out, {}", row.workload, row.input, row.output, row.load);
    if (row.value >= 0) rows.push_back(std::move(row));  // not where it is a mistake
  }
  table.raise();
  return rows;
}

Expressed not_expressed(std::string reason) {
  Expressed e;
  e.reason = std::move(reason);
  return e;
}

std::string fixed_lengths(double in, double out) {
  return fmt::format("{{kind: fixed, input: {}, output: {}}}", in, out);
}

std::string static_batch(const E2eRow& row, double batch, double out) {
  return fmt::format("{{kind: static_batch, batch: {}, lengths: {}}}", batch,
                     fixed_lengths(row.input_tokens, out));
}

std::string system_of(const std::string& name, int count) {
  struct Node {
    const char *hardware, *system;
    int most;
  };
  static const Node nodes[] = {{"A100-SXM-80G", "systems/a100_80g_x1.yaml", 1},
                               {"A100-SXM-80G", "systems/a100_80g_x8.yaml", 8},
                               {"H100-SXM-80G", "systems/h100_sxm_x1.yaml", 1},
                               {"H100-SXM-80G", "systems/h100_sxm_x8.yaml", 8},
                               {"RTX4090-24G", "systems/rtx4090_x1.yaml", 1},
                               {"RTX4090-24G", "systems/rtx4090_x8.yaml", 8},
                               {"RTXA6000-48G", "systems/rtx_a6000_x1.yaml", 1},
                               {"RTXA6000-48G", "systems/rtx_a6000_x4.yaml", 4}};
  const std::string plain = name.substr(0, name.find(" ("));  // "(330W cap)", "(WSL2)"
  for (const Node& node : nodes)
    if (plain == node.hardware && count <= node.most) return node.system;
  return "";
}

std::string model_of(const std::string& name) {
  static const std::map<std::string, const char*> models = {
      {"CodeLlama-34b", ""},
      {"DeepSeek 33B", "deepseek-coder-33b"},
      {"GPT-20B", "gpt-20b"},
      {"GPT-350M", "gpt-345m"},
      {"GPT-J 6B", "gpt-j-6b"},
      {"Llama 13B", "llama-2-13b"},  // the same shape but for its positions
      {"Llama 33B", "llama-30b"},
      {"Llama-2 70B", "llama-2-70b"},
      {"Llama-2 7B", "llama-2-7b"},
      {"Llama-2-70B", "llama-2-70b"},
      {"Llama-2-7B", "llama-2-7b"},
      {"Llama-3-70B", "llama-3.1-70b"},  // the same shape but for its positions
      {"Llama-3-8B", "llama-3.1-8b"},
      {"Llama-3.1-70B", "llama-3.1-70b"},
      {"Llama-3.1-8B", "llama-3.1-8b"},
      {"Mistral 7B", "mistral-7b"},
      {"Mixtral 46.7B", "mixtral-8x7b"},
      {"OPT-13B", "opt-13b"},
      {"OPT-30B", "opt-30b"},
      {"Qwen/Qwen3-32B", "qwen3-32b"},
      {"TinyLlama 1B", "tinyllama-1.1b"},
      {"Vicuna 7B", "llama-2-7b"},
      {"WizardLM 33B", "llama-30b"},
      {"Yi-6B-Chat", "yi-6b"},
      {"llama2-70b", "llama-2-70b"},
      {"llama2-70b-99", "llama-2-70b"},
      {"llama2-70b-99.9", "llama-2-70b"},
      {"llama2-7b", "llama-2-7b"},
      {"meta-llama/Llama-3.1-70B", "llama-3.1-70b"},
      {"meta-llama/Llama-3.1-8B-Instruct", "llama-3.1-8b"},
      {"opt-175b", "opt-175b"},
      {"opt-30b", "opt-30b"},
      {"opt-6.7b", "opt-6.7b"}};
  const auto found = models.find(name);
  if (found == models.end() || *found->second == '\0') return "";
  return fmt::format("llm/{}.yaml", found->second);
}

std::string model_in(const std::string& file, const std::string& formats) {
  return formats.empty() ? file : fmt::format("{{extends: {}, {}}}", file, formats);
}

double stat(const Record& record, const std::string& name) {
  const Stat* found = record.find(name);
  return found == nullptr ? std::numeric_limits<double>::quiet_NaN() : found->value;
}

double times(const Record& record, const std::string& name, double factor) {
  return factor * stat(record, name);
}

}  // namespace terrace::validate
