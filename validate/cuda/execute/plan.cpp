// Unrolls a step's repeats, maps its ops and says what does not fit.
#include "validate/cuda/execute/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "validate/cuda/execute/op_mapper.h"

namespace terrace::cuda {
namespace {

std::string gib(std::size_t bytes) {
  return fmt::format("{:.2f} GiB", static_cast<double>(bytes) / (1U << 30U));
}

std::string missing(const Plan& plan, Space space, std::size_t need, std::size_t free,
                    const char* where) {
  if (need <= free) return "";
  const PlanBuffer* largest = nullptr;
  std::size_t count = 0;
  for (const PlanBuffer& b : plan.buffers) {
    if (b.space != space) continue;
    ++count;
    if (largest == nullptr || b.bytes > largest->bytes) largest = &b;
  }
  return fmt::format(
      "the step does not fit into the {}: {} buffers, \"{}\" the largest with {}, take {}; {} are "
      "free, {} are missing",
      where, count, largest->name, gib(largest->bytes), gib(need), gib(free), gib(need - free));
}

}  // namespace

std::byte* Addresses::operator()(const Operand& o) const {
  const PlanBuffer& b = plan_.buffers[static_cast<std::size_t>(o.buffer)];
  return (b.space == Space::device ? bases_.device : bases_.pinned) + b.offset + o.offset;
}

Plan plan_step(const Step& step, const Machine& machine, const PlanOptions& options) {
  Plan plan;
  OpMapper mapper(step, machine, options, plan);
  const auto n = boost::num_vertices(step.graph);
  std::map<OpVertex, const Repeat*> repeats;
  for (const Repeat& r : step.repeats) repeats[r.first] = &r;
  for (OpVertex v = 0; v < n;) {
    const auto repeat = repeats.find(v);
    if (repeat == repeats.end()) {
      mapper.map(v++, 0);
      continue;
    }
    for (std::int64_t round = 0; round < repeat->second->times; ++round)
      for (OpVertex u = v; u < repeat->second->last; ++u) mapper.map(u, round);
    v = repeat->second->last;
  }
  mapper.finish();
  for (const PlannedOp& op : plan.ops) {
    if (op.fate == Fate::kernel) continue;
    const std::string line =
        fmt::format("{} {}: {}", step.graph[op.op].label,
                    op.fate == Fate::stand_in ? "streams its bytes" : "is left out", op.why);
    if (std::find(plan.remarks.begin(), plan.remarks.end(), line) == plan.remarks.end())
      plan.remarks.push_back(line);
  }
  return plan;
}

std::string what_does_not_fit(const Plan& plan, std::size_t device_free, std::size_t pinned_free) {
  const std::string device =
      missing(plan, Space::device, plan.device_bytes, device_free, "GPU's memory");
  return device.empty()
             ? missing(plan, Space::pinned, plan.pinned_bytes, pinned_free, "host's memory")
             : device;
}

}  // namespace terrace::cuda
