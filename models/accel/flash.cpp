// FlashAttention's tiling: one pass over K and V, a running maximum and denominator, and outputs
// that are rescaled after every tile of keys; the whole softmax on the 1-D lanes. Source: Dao et
// al., "FlashAttention", NeurIPS 2022, and FlashAttention-2 (division once, at the end). State:
// none.
#include <algorithm>
#include <cmath>

#include "models/accel/attention_schedule.h"
#include "sim/registry.h"

namespace terrace {
namespace {

class Flash final : public AttentionSchedule {
 public:
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  Flash(const Params&, const Context&) {}

  AttentionRun run(const SpatialArray& a, const AttentionProblem& p) const override {
    const ScoreTiles t(a, p);
    const double e = p.head_dim, f = p.value_dim;
    const double column = std::ceil(static_cast<double>(a.columns) / a.lanes);
    const double visits = t.tiles * column, slots = visits * a.rows;
    const double steps = std::ceil(p.keys / a.rows) * p.queries * p.scored;
    Phase all;  // tiles of different heads or queries keep both arrays at work
    all.array = multiply_adds(t.scores * e, t.tiles * e) + multiply_adds(t.scores * f, t.tiles * f);
    all.lanes = maxima(t.scores, slots) + exponentials(t.scores, slots, a, a.exponential_units) +
                adds(t.scores, slots);
    // For every query after every tile: the new maximum, its correction, the denominator, and the
    // outputs scaled and added to.
    all.lanes = all.lanes + maxima(steps, visits) +
                exponentials(steps, visits, a, a.exponential_units) + multiply_adds(steps, visits) +
                multiply_adds(steps * f, visits * f) +
                divides(p.queries * f, t.queries * column * f);
    return finish(a, p, {all}, traffic(a, p, t));
  }

 private:
  static AttentionRun traffic(const SpatialArray& a, const AttentionProblem& p,
                              const ScoreTiles& t) {
    const double e = p.head_dim, f = p.value_dim, b = p.element_bytes;
    // Double-buffered K and V, two tiles of scores on their way between the arrays.
    const double fixed = 2 * a.rows * (e + f) * b + 2.0 * a.rows * a.columns * b;
    const double query_tile = a.columns * (e + f + 2) * b;
    const double fit = std::max(1.0, std::floor((a.buffer.value() - fixed) / query_tile));
    const double blocks = std::ceil(t.queries / fit);
    AttentionRun run;
    run.resident_bytes = fixed + std::min(fit, t.queries) * query_tile;
    run.memory_read = p.queries * e * b + p.keys * (e + f) * b * std::max(1.0, blocks * p.scored);
    run.memory_written = p.queries * f * b;
    // Scores pass the buffer to the lanes and, as exponentials, back to the array.
    const double scores = t.scores * b, state = t.tiles * a.columns * (f + 2) * b;
    run.buffer_read = 2 * scores + t.tiles * (a.columns * e + a.rows * (e + f)) * b + state;
    run.buffer_written = 2 * scores + run.memory_read + state;
    return run;
  }
};
TERRACE_REGISTER(AttentionSchedule, Flash, "flash",
                 "one pass in tiles with rescaling, softmax on the lanes");

}  // namespace
}  // namespace terrace
