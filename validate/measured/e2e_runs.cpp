// End-to-end runs of e2e.csv: each is a scenario, run once for all its metrics.
// Source: the shared data's README; each row cites its own. State: none.
#include <cmath>

#include "validate/measured/e2e_row.h"
#include "validate/measured/measured_set.h"

namespace terrace::validate {
namespace {

const char* size_of(double batch) {
  return batch <= 1    ? "runs, one sequence"
         : batch <= 16 ? "runs, 2–16 sequences"
         : batch <= 64 ? "runs, 17–64 sequences"
                       : "runs, > 64 sequences";
}

class E2eRuns final : public MeasuredSet {
 public:
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  E2eRuns(const Params&, const Context&) {}

  void compare(const Task& task) const override {
    Table table(task.data + "e2e.csv", e2e_columns());
    std::vector<SourceRule> rules;
    for (auto& some : {offload_rules(), batch_rules(), serving_rules(task.data), left_out_rules()})
      rules.insert(rules.end(), some.begin(), some.end());
    for (const E2eRow& row : read_e2e(table, "e2e.csv")) {
      const SourceRule* rule = nullptr;
      for (const SourceRule& r : rules)
        if (rule == nullptr && row.source.rfind(r.source, 0) == 0) rule = &r;
      compare(
          task, row,
          rule == nullptr ? not_expressed("no rule says how to express it") : rule->express(row));
    }
  }

 private:
  static void compare(const Task& task, const E2eRow& row, const Expressed& e) {
    const std::string family = row.source;
    if (!e.reason.empty()) return task.errors.left_out(family, e.reason);
    if (row.value == 0) return task.errors.left_out(family, "the measured value is zero");
    const RunResult& result = task.runs.run(e.run);
    if (!result.record) return task.errors.left_out(family, "Terrace cannot run it: " + result.why);
    const double predicted = e.value(*result.record);
    if (!std::isfinite(predicted) || predicted <= 0)
      return task.errors.left_out(family, "no such figure: a single token has no time by token");
    task.errors.compared(row, {RowClass::Section::runs, family, e.op, size_of(e.batch)}, predicted,
                         result.run);
  }
};
TERRACE_REGISTER(MeasuredSet, E2eRuns, "e2e_runs", "end-to-end runs of published benchmarks");

}  // namespace
}  // namespace terrace::validate
