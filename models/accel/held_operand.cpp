// Folds of a systolic array that holds one operand.
#include "models/accel/held_operand.h"

#include <algorithm>

namespace terrace {

std::int64_t held_cycles(ArraySize array, std::int64_t rows, std::int64_t columns,
                         std::int64_t stream) {
  return array.rows + stream + rows + columns - 2;
}

std::int64_t shadowed_cycles(ArraySize array, std::int64_t stream) {
  return std::max(array.rows, stream);
}

namespace {

double area(std::int64_t x, std::int64_t y) {
  return static_cast<double>(x) * static_cast<double>(y);
}

// Vectors of `width` elements in `bytes` of scratchpad; at least one.
std::int64_t vectors(double bytes, std::int64_t width, double element) {
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(bytes / area(width, 1) / element));
}

Dataflow::Plan in_chunks(const HeldProduct& p, ArraySize array, std::int64_t longest) {
  Dataflow::Plan plan;
  const std::int64_t chunk = fold_count(p.stream, fold_count(p.stream, longest));
  plan.chunks = fold_count(p.stream, chunk);
  plan.nest = {plan.chunks, fold_count(p.columns, array.columns), fold_count(p.rows, array.rows)};
  const bool passing_stays = area(chunk, p.rows) * p.passing_bytes <= p.passing_pad;
  const bool held_stays = area(p.rows, p.columns) * p.held_bytes <= p.held_pad;
  plan.cost = [=, nest = plan.nest](std::int64_t o, std::int64_t m, std::int64_t i) {
    const std::int64_t t = fold_length(p.stream, chunk, o),
                       c = fold_length(p.columns, array.columns, m),
                       r = fold_length(p.rows, array.rows, i);
    const bool last = o == nest.outer - 1 && m == nest.middle - 1 && i == nest.inner - 1;
    Fold f;
    f.cycles =
        p.shadow_registers && !last ? shadowed_cycles(array, t) : held_cycles(array, r, c, t);
    if (o == 0 || !held_stays) f.load += area(r, c) * p.held_bytes;
    if (m == 0 || !passing_stays) f.load += area(t, r) * p.passing_bytes;
    if (i == nest.inner - 1) f.store = area(t, c) * p.output_bytes;
    return f;
  };
  // Every fold of columns reads the passing operand; every fold of rows adds to all sums.
  const double row_folds = static_cast<double>(plan.nest.inner);
  plan.traffic.weight_reads = area(p.rows, p.columns) * static_cast<double>(plan.chunks);  // held
  plan.traffic.input_reads =
      area(p.stream, p.rows) * static_cast<double>(plan.nest.middle);  // passing
  plan.traffic.output_writes = area(p.stream, p.columns) * row_folds;
  plan.traffic.output_reads = area(p.stream, p.columns) * (row_folds - 1);
  return plan;
}

}  // namespace

Dataflow::Plan plan_held(const HeldProduct& p, ArraySize array, double bytes_per_cycle) {
  const std::int64_t rows = std::min(array.rows, p.rows),
                     columns = std::min(array.columns, p.columns);
  const std::int64_t longest =
      std::min({p.stream, vectors(p.passing_pad / 2, rows, p.passing_bytes),
                vectors(p.output_pad / 2, columns, p.accumulator_bytes)});
  Dataflow::Plan plan = in_chunks(p, array, longest);
  const std::int64_t stays = vectors(p.passing_pad, p.rows, p.passing_bytes);
  if (stays >= longest) return plan;
  Dataflow::Plan shorter = in_chunks(p, array, stays);
  const double as_long = time_folds(plan.nest, plan.cost, bytes_per_cycle).total;
  return time_folds(shorter.nest, shorter.cost, bytes_per_cycle).total < as_long ? shorter : plan;
}

}  // namespace terrace
