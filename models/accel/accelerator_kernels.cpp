// Matrix products fold by fold, attention by its schedule, all else on the lanes.
#include "models/accel/accelerator_kernels.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace terrace {
namespace {

std::int64_t whole(double x) {
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(std::ceil(x)));
}

}  // namespace

AttentionProblem problem_of(const AttentionShape& s) {
  AttentionProblem p;
  const double sequences = std::max(1.0, s.sequences);
  p.heads = sequences * s.kv_heads;
  p.queries = std::max(1.0, s.query_tokens / sequences * s.q_heads / s.kv_heads);
  p.keys = std::max(1.0, s.kv_tokens / sequences);
  p.head_dim = s.head_dim;
  p.value_dim = s.value_dim;
  p.element_bytes = bytes_of(s.kv_format);
  const double all = s.query_tokens * p.keys;
  p.scored = s.pairs > 0 && all > 0 ? std::min(1.0, s.pairs / all) : 1;
  return p;
}

ArrayKernels::ArrayKernels(const AcceleratorParams& params)
    : params_(params), array_(params.array), schedule_(params.schedule.make({})) {}

double ArrayKernels::array_rate() const { return array_.peak().value() * params_.arrays; }
double ArrayKernels::lane_rate() const {
  return params_.array.clock.value() * params_.lanes * params_.arrays;
}
double ArrayKernels::scratchpad_rate() const {
  // A cycle: an operand for every row, one for every column, and a sum of every column in and out.
  const SystolicParams& a = params_.array;
  return a.clock.value() * params_.arrays *
         ((a.rows + a.columns) * a.element_bytes + 2.0 * a.columns * a.accumulator_bytes);
}

KernelTime ArrayKernels::time(const Op& op, TierId local) const {
  const Traffic traffic = local_traffic(op, local, params_.memory, params_.scratchpads());
  KernelTime t;
  switch (op.kind) {
    case OpKind::gemm:
      t = gemm(op, traffic);
      break;
    case OpKind::attention_prefill:
    case OpKind::attention_decode:
      t = attention(op, traffic);
      break;
    case OpKind::elementwise:
    case OpKind::gather:
    case OpKind::topk:
    case OpKind::codec:
    case OpKind::copy:
      t = stream(op, traffic);
      break;
    default:
      throw std::logic_error(std::string("an accelerator has no way to do ") + name_of(op.kind) +
                             " (" + op.label + ")");
  }
  t.latency += params_.launch.value();
  t.mix = traffic.mix;
  return t;
}

// Independent products go to different arrays; a single one is cut along n.
KernelTime ArrayKernels::gemm(const Op& op, const Traffic& traffic) const {
  ArrayGemm g;
  g.m = whole(op.gemm.m);
  g.n = whole(op.gemm.n);
  g.k = whole(op.gemm.k);
  g.count = whole(op.gemm.count);
  g.input_bytes = g.output_bytes = bytes_of(op.format);
  g.weight_bytes = bytes_of(op.gemm.weights);
  const double least =
      (double(g.m) * double(g.k) * g.input_bytes + double(g.k) * double(g.n) * g.weight_bytes +
       double(g.m) * double(g.n) * g.output_bytes) *
      double(g.count);
  const std::int64_t arrays = params_.arrays;
  if (g.count >= arrays)
    g.count = fold_count(g.count, arrays);
  else
    g.n = fold_count(g.n * g.count, arrays), g.count = 1;
  const SystolicRun run = array_.run(g, params_.memory.stream / params_.arrays);
  const double n = params_.arrays, clock = params_.array.clock.value();
  // What the schedule reads more than once, the memory delivers more than once.
  const double again = std::max(1.0, (run.memory_read + run.memory_written) * n / least);
  KernelTime t;
  t.work_of(Station::tensor) = 2 * op.gemm.m * op.gemm.n * op.gemm.k * op.gemm.count;
  t.busy_of(Station::tensor) = static_cast<double>(run.compute_cycles) / clock;
  t.work_of(Station::l2) = (run.scratchpad_read + run.scratchpad_written) * n;
  t.busy_of(Station::l2) = t.work_of(Station::l2) / scratchpad_rate();
  t.work_of(Station::memory) = traffic.missed * again;
  t.busy_of(Station::memory) = traffic.missed_seconds * again;
  // Folds that wait for their operands; nothing waits where operands come from elsewhere.
  const double stalls = traffic.missed > 0 ? run.stall_cycles / clock : 0;
  settle(t, t.busy_of(Station::tensor) + std::min(stalls, t.busy_of(Station::memory)));
  return t;
}

KernelTime ArrayKernels::attention(const Op& op, const Traffic& traffic) const {
  AttentionProblem p = problem_of(op.attention);
  const double least =
      p.heads * (p.queries + p.keys) * (p.head_dim + p.value_dim) * p.element_bytes;
  p.heads = std::ceil(p.heads / params_.arrays);
  const AttentionRun run = schedule_->run(params_.spatial(), p);
  const double n = params_.arrays, clock = params_.array.clock.value();
  const double again = std::max(1.0, run.memory_bytes() * n / least);
  KernelTime t;
  t.work_of(Station::tensor) = 2 * run.array.operations() * n;
  t.busy_of(Station::tensor) = run.array.cycles / clock;
  t.work_of(Station::vector) = run.lanes.operations() * n;
  t.busy_of(Station::vector) = run.lanes.cycles / clock;
  t.work_of(Station::l2) = (run.buffer_read + run.buffer_written) * n;
  t.busy_of(Station::l2) = t.work_of(Station::l2) / scratchpad_rate();
  t.work_of(Station::memory) = traffic.missed * again;
  t.busy_of(Station::memory) = traffic.missed_seconds * again;
  settle(t, run.compute_cycles / clock);
  return t;
}

KernelTime ArrayKernels::stream(const Op& op, const Traffic& traffic) const {
  KernelTime t;
  t.work_of(Station::vector) = op.flops;
  t.busy_of(Station::vector) = op.flops / lane_rate();
  t.work_of(Station::l2) = traffic.bytes;
  t.busy_of(Station::l2) = traffic.bytes / scratchpad_rate();
  t.work_of(Station::memory) = traffic.missed;
  t.busy_of(Station::memory) = traffic.missed_seconds;
  settle(t, 0);
  return t;
}

}  // namespace terrace
