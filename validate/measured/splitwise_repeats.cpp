// Every repeat of the Splitwise measurements: Llama-2-70B on A100, tensor parallel.
// Source: splitwise_a100_llama2-70b.csv of the shared data (Mutinifni/splitwise-sim, MIT).
// Expressed as the rows of e2e.csv that sum them up. State: none.
#include <fmt/format.h>

#include "validate/measured/e2e_row.h"
#include "validate/measured/measured_set.h"

namespace terrace::validate {
namespace {

class SplitwiseRepeats final : public MeasuredSet {
 public:
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  SplitwiseRepeats(const Params&, const Context&) {}

  void compare(const Task& task) const override {
    enum : std::size_t { prompt, batch, tokens, first, each, whole, tp };
    const std::string file = "splitwise_a100_llama2-70b.csv", name = "Splitwise, every repeat";
    Table table(task.data + file,
                {{"prompt_size"},
                 {"batch_size"},
                 {"token_size"},
                 {"prompt_time"},
                 {"token_time"},
                 {"e2e_time"},
                 {"tensor_parallel"}},
                {"model", "hardware", "peak_power", "average_power"});
    std::function<Expressed(const E2eRow&)> express;
    for (const SourceRule& rule : batch_rules())
      if (rule.source == "Splitwise") express = rule.express;
    while (table.next()) {
      E2eRow row;
      row.file = file;
      row.line = table.line();
      row.source = "Splitwise";
      row.hardware = "A100-SXM-80G";
      row.gpus = static_cast<int>(table.number(tp, 1));
      row.model = "llama2-70b";
      row.dtype = "fp16";
      row.input_tokens = table.number(prompt, 1);
      row.output_tokens = table.number(tokens, 1);
      row.load = fmt::format("batch={}", table.number(batch, 1));
      row.shape = fmt::format("{} in, {} out, {}", row.input_tokens, row.output_tokens, row.load);
      row.unit = "ms";
      row.citation = "Mutinifni/splitwise-sim";
      const std::pair<const char*, std::size_t> metrics[] = {
          {"prefill_time", first}, {"tpot", each}, {"e2e_latency", whole}};
      for (const auto& [what, column] : metrics) {
        row.what = what;
        row.value = table.number(column);
        const Expressed e = express(row);
        const RunResult& result = task.runs.run(e.run);
        if (!e.reason.empty() || !result.record)
          task.errors.left_out(
              name, e.reason.empty() ? "Terrace cannot run it: " + result.why : e.reason);
        else if (row.value > 0)
          task.errors.compared(row,
                               {RowClass::Section::runs, name, e.op, "repeats of static batches"},
                               e.value(*result.record), result.run);
      }
      task.errors.left_out(name, "peak and average power: not predicted", 2);
    }
    table.raise();
  }
};
TERRACE_REGISTER(MeasuredSet, SplitwiseRepeats, "splitwise_repeats",
                 "Llama-2-70B on A100, every repeat of a static batch");

}  // namespace
}  // namespace terrace::validate
