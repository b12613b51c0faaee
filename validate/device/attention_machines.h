// The machines and problems of FuseMax's evaluation: Nayak et al., MICRO 2024, and its artifact
// (github.com/FPSG-UIUC/micro24-fusemax-artifact), data/pregenerated/flat_validation.csv.
#pragma once

#include <memory>
#include <string>

#include "models/accel/accelerator_params.h"
#include "validate/device/machine_parts.h"

namespace terrace::validate {

struct AttentionMachine {  // the array and the schedule of a shipped config
  SpatialArray array;
  std::unique_ptr<AttentionSchedule> schedule;
  explicit AttentionMachine(const std::string& file) {
    const Choice<Component> choice = chosen<Component>(file);
    const auto* params = choice.params_as<AcceleratorParams>();
    array = params->spatial();
    schedule = params->schedule.make({});
  }
  AttentionRun run(const AttentionProblem& p) const { return schedule->run(array, p); }
};

struct AttentionModel {
  const char* name;
  double heads, dim;
};
inline constexpr AttentionModel attention_models[] = {
    {"BERT", 12, 64}, {"TrXL", 16, 64}, {"T5", 8, 64}, {"XLM", 16, 128}};
inline constexpr double attention_lengths[] = {1 << 10, 1 << 12, 1 << 14,
                                               1 << 16, 1 << 18, 1 << 20};

inline AttentionProblem attention_problem(const AttentionModel& m, double length) {  // batch 64
  AttentionProblem p;
  p.heads = 64 * m.heads;
  p.queries = p.keys = length;
  p.head_dim = p.value_dim = m.dim;
  return p;
}

}  // namespace terrace::validate
