// FuseMax: one pass over K and V with a running maximum, the exponential spread over the 2-D array,
// and steps of different tiles interleaved so that both arrays work at once.
// Source: Nayak et al., "FuseMax: leveraging extended Einsums to optimize attention accelerator
// design", MICRO 2024 (cascade, mapping and order of the steps), and its artifact
// (FPSG-UIUC/micro24-fusemax-artifact), which fixes the operations of each step.
// State: none.
#include <algorithm>
#include <cmath>

#include "models/accel/attention_schedule.h"
#include "sim/registry.h"

namespace terrace {
namespace {

class FuseMax final : public AttentionSchedule {
 public:
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  FuseMax(const Params&, const Context&) {}

  AttentionRun run(const SpatialArray& a, const AttentionProblem& p) const override {
    const ScoreTiles t(a, p);
    const double e = p.head_dim, f = p.value_dim;
    const double column = std::ceil(static_cast<double>(a.columns) / a.lanes);  // cycles to visit
    const double visits = t.tiles * column;  // of the lanes, once a tile and column
    const double steps = std::ceil(p.keys / a.rows) * p.queries * p.scored;  // of running state
    // Scores and their maximum in a tile, while the lanes add the last tile's sums to the running
    // ones and, after the last tile, divide.
    Phase first;
    first.array = multiply_adds(t.scores * e, t.tiles * e) + maxima(t.scores, t.tiles);
    first.lanes = adds(steps, visits) + adds(steps * f, visits * f) +
                  divides(p.queries * f, t.queries * column * f);
    Phase maximum;  // the running maximum gates the exponentials
    maximum.lanes = maxima(steps, visits);
    Phase exponential;  // of scores on the array; of the old maximum on the lanes
    exponential.array = exponentials(t.scores, t.tiles, a, false) + adds(t.scores, t.tiles);
    exponential.lanes =
        exponentials(steps, visits, a, a.exponential_units) + multiply_adds(steps, visits);
    Phase values;  // weighted values, while the running ones are scaled
    values.array = multiply_adds(t.scores * f, t.tiles * f);
    values.lanes = multiply_adds(steps * f, visits * f);
    return finish(a, p, {first, maximum, exponential, values}, traffic(a, p, t));
  }

 private:
  // The buffer holds a tile of K and of V and, for as many queries as fit, Q and the running state;
  // K and V are read once for each such block of queries.
  static AttentionRun traffic(const SpatialArray& a, const AttentionProblem& p,
                              const ScoreTiles& t) {
    const double e = p.head_dim, f = p.value_dim, b = p.element_bytes;
    const double kv_tile = a.rows * (e + f) * b, query_tile = a.columns * (e + f + 2) * b;
    const double fit = std::max(1.0, std::floor((a.buffer.value() - kv_tile) / query_tile));
    const double blocks = std::ceil(t.queries / fit);
    AttentionRun run;
    run.resident_bytes = kv_tile + std::min(fit, t.queries) * query_tile;
    const double kv_loaded = p.keys * (e + f) * b * std::max(1.0, blocks * p.scored);
    run.memory_read = p.queries * e * b + kv_loaded;
    run.memory_written = p.queries * f * b;
    // A tile of scores reads its Q, K and V; the running sums, maximum and denominator are read and
    // written back.
    const double state = t.tiles * a.columns * (f + 2) * b;
    run.buffer_read = t.tiles * (a.columns * e + a.rows * (e + f)) * b + state;
    run.buffer_written = run.memory_read + state;
    return run;
  }
};
TERRACE_REGISTER(AttentionSchedule, FuseMax, "fusemax",
                 "one pass, exponentials on the 2-D array, both arrays interleaved");

}  // namespace
}  // namespace terrace
