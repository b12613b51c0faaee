// Attention without fusion: scores, softmax and the weighted sum one after another, each from
// memory to memory. Source: the unfused baseline of FuseMax (MICRO 2024, artifact). State: none.
#include <algorithm>
#include <cmath>

#include "models/accel/attention_schedule.h"
#include "sim/registry.h"

namespace terrace {
namespace {

class Unfused final : public AttentionSchedule {
 public:
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  Unfused(const Params&, const Context&) {}

  AttentionRun run(const SpatialArray& a, const AttentionProblem& p) const override {
    const ScoreTiles t(a, p);
    const double e = p.head_dim, f = p.value_dim, b = p.element_bytes, scores = t.scores * b;
    const double slots = std::ceil(p.keys / a.lanes) * p.queries * p.scored;
    Phase products, softmax, values;
    products.array = multiply_adds(t.scores * e, t.tiles * e);
    softmax.lanes = maxima(t.scores, slots) +
                    exponentials(t.scores, slots, a, a.exponential_units) + adds(t.scores, slots) +
                    divides(t.scores, slots);
    values.array = multiply_adds(t.scores * f, t.tiles * f);

    // Operands that the buffer cannot keep over a pass of the other come again for every block of
    // queries that fits half of it.
    const auto again = [&](double width) {
      const double fit = std::max(1.0, std::floor(a.buffer.value() / 2 / (a.columns * width * b)));
      return std::ceil(t.queries / fit);
    };
    AttentionRun first, second, third;
    first.memory_read = (p.queries + p.keys * again(e)) * e * b;
    first.memory_written = scores;
    second.memory_read = second.memory_written = scores;
    second.buffer_written = 2 * scores;
    second.buffer_read = 3 * scores;
    third.memory_read = scores + p.keys * f * again(f) * b;
    third.memory_written = p.queries * f * b;
    first.resident_bytes = second.resident_bytes = third.resident_bytes =
        std::min(a.buffer.value(), p.keys * b);
    AttentionRun run = finish(a, p, {products}, first);
    for (const AttentionRun& next :
         {finish(a, p, {softmax}, second), finish(a, p, {values}, third)})
      append(run, next);
    run.array_utilisation = run.array.cycles / run.cycles;
    run.lane_utilisation = run.lanes.cycles / run.cycles;
    return run;
  }

 private:
  static void append(AttentionRun& run, const AttentionRun& next) {
    run.cycles += next.cycles;
    run.compute_cycles += next.compute_cycles;
    run.array = run.array + next.array;
    run.lanes = run.lanes + next.lanes;
    run.buffer_read += next.buffer_read;
    run.buffer_written += next.buffer_written;
    run.memory_read += next.memory_read;
    run.memory_written += next.memory_written;
    run.arithmetic += next.arithmetic;
    run.buffer += next.buffer;
    run.memory += next.memory;
    run.registers += next.registers;
    run.seconds += next.seconds;
  }
};
TERRACE_REGISTER(AttentionSchedule, Unfused, "unfused",
                 "scores, softmax and weighted sum through memory, one after another");

}  // namespace
}  // namespace terrace
