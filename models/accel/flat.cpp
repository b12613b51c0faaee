// FLAT: whole rows of scores stay on chip between the two products; the softmax takes three passes
// over them (maximum; exponential and sum; division) on the 1-D lanes while the 2-D array works on
// other rows.
// Source: Kao et al., "FLAT: an optimized dataflow for mitigating attention bottlenecks", ASPLOS
// 2023; operations as the baseline of FuseMax counts them (MICRO 2024, artifact).
// State: none.
#include <algorithm>
#include <cmath>

#include "models/accel/attention_schedule.h"
#include "sim/registry.h"

namespace terrace {
namespace {

class Flat final : public AttentionSchedule {
 public:
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  Flat(const Params&, const Context&) {}

  AttentionRun run(const SpatialArray& a, const AttentionProblem& p) const override {
    const ScoreTiles t(a, p);
    const double slots = std::ceil(p.keys / a.lanes) * p.queries * p.scored;
    Phase all;  // rows are independent: both arrays and the memory work at once
    all.array = multiply_adds(t.scores * p.head_dim, t.tiles * p.head_dim) +
                multiply_adds(t.scores * p.value_dim, t.tiles * p.value_dim);
    all.lanes = maxima(t.scores, slots) + exponentials(t.scores, slots, a, a.exponential_units) +
                adds(t.scores, slots) + divides(t.scores, slots);
    const AttentionRun fused = finish(a, p, {all}, on_chip(a, p, t));
    const AttentionRun spilled = finish(a, p, {all}, through_memory(a, p, t));
    if (fused.cycles != spilled.cycles) return fused.cycles < spilled.cycles ? fused : spilled;
    return fused.memory_bytes() <= spilled.memory_bytes() ? fused : spilled;
  }

 private:
  // A block of queries keeps Q and its outputs in the buffer, so that K and V, which stream past
  // it, are read once a block. Blocks are whole tiles of the array, as many as fit beside `kept`
  // bytes and `row` bytes for each query; at least one.
  static AttentionRun products(const SpatialArray& a, const AttentionProblem& p,
                               const ScoreTiles& t, double kept, double row) {
    const double e = p.head_dim, f = p.value_dim, b = p.element_bytes;
    const double tiles = 2 * a.rows * 2 * (e + f) * b;  // of Q, K, V, outputs, double-buffered
    const double query = row + (e + f) * b;
    const double fit = std::floor((a.buffer.value() - kept - tiles) / (query * a.columns));
    const double block = std::clamp(fit, 1.0, t.queries);  // tiles of queries
    AttentionRun run;
    run.resident_bytes = kept + tiles + std::min(block * a.columns, p.queries) * query;
    const double kv_loads = std::max(1.0, std::ceil(t.queries / block) * p.scored);
    run.memory_read = (p.queries * e + p.keys * (e + f) * kv_loads) * b;
    run.memory_written = p.queries * f * b;
    return run;
  }
  static double overflow(const SpatialArray& a, const AttentionRun& run) {
    return 1 - std::min(1.0, a.buffer.value() / run.resident_bytes);
  }

  // Rows of scores stay in the buffer. What of a block does not fit goes to memory and back each
  // time the buffer would have been read or written.
  static AttentionRun on_chip(const SpatialArray& a, const AttentionProblem& p,
                              const ScoreTiles& t) {
    AttentionRun run = products(a, p, t, 0, p.keys * p.element_bytes);
    const double over = overflow(a, run), scores = t.scores * p.element_bytes;
    // Written: scores, exponentials, quotients. Read: for the maximum, the exponential, the
    // division and the second product; the sum is taken as exponentials are made.
    run.buffer_written = 3 * scores;
    run.buffer_read = 4 * scores;
    run.memory_written += over * run.buffer_written;
    run.memory_read += over * run.buffer_read;
    return run;
  }

  // Scores go to memory after the first product and before the second; the softmax works on one row
  // at a time.
  static AttentionRun through_memory(const SpatialArray& a, const AttentionProblem& p,
                                     const ScoreTiles& t) {
    AttentionRun run = products(a, p, t, p.keys * p.element_bytes, 0);
    const double over = overflow(a, run), scores = t.scores * p.element_bytes;
    run.buffer_written = 2 * scores;  // a row comes in; its exponentials
    run.buffer_read = 3 * scores;     // maximum, exponential, division
    run.memory_written += 2 * scores + over * scores;
    run.memory_read += 2 * scores + over * 3 * scores;
    return run;
  }
};
TERRACE_REGISTER(AttentionSchedule, Flat, "flat",
                 "rows of scores stay on chip, three passes of softmax on the lanes");

}  // namespace
}  // namespace terrace
