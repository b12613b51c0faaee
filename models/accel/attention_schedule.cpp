// Counting and pricing of attention schedules.
#include "models/accel/attention_schedule.h"

#include <algorithm>
#include <cmath>

namespace terrace {

ScoreTiles::ScoreTiles(const SpatialArray& array, const AttentionProblem& p)
    : keys(std::ceil(p.keys / array.rows)),
      queries(std::ceil(p.queries / array.columns)),
      tiles(std::max(keys * queries * p.scored, std::max(keys, queries))),
      scores(p.keys * p.queries * p.scored) {}

UnitWork operator+(UnitWork a, const UnitWork& b) {
  a.cycles += b.cycles;
  a.multiply_adds += b.multiply_adds;
  a.adds += b.adds;
  a.maxima += b.maxima;
  a.exponentials += b.exponentials;
  a.divides += b.divides;
  return a;
}

UnitWork operator*(double n, UnitWork w) {
  w.cycles *= n;
  w.multiply_adds *= n;
  w.adds *= n;
  w.maxima *= n;
  w.exponentials *= n;
  w.divides *= n;
  return w;
}

UnitWork multiply_adds(double n, double cycles) { return {cycles, n, 0, 0, 0, 0}; }
UnitWork adds(double n, double cycles) { return {cycles, 0, n, 0, 0, 0}; }
UnitWork maxima(double n, double cycles) { return {cycles, 0, 0, n, 0, 0}; }
UnitWork divides(double n, double cycles) { return {cycles, 0, 0, 0, 0, n}; }

UnitWork exponentials(double n, double slots, const SpatialArray& array, bool unit) {
  if (unit) return {slots, 0, n, 0, n, 0};
  const double steps = array.exponential_multiply_adds;
  return {slots * (steps + 1), n * steps, n, 0, 0, 0};
}

AttentionRun finish(const SpatialArray& array, const AttentionProblem& p,
                    const std::vector<Phase>& phases, AttentionRun run) {
  const ArrayEnergy& e = array.energy;
  for (const Phase& phase : phases) {
    run.compute_cycles += std::max(phase.array.cycles, phase.lanes.cycles);
    run.array = run.array + phase.array;
    run.lanes = run.lanes + phase.lanes;
  }
  const double h = p.heads, clock = array.clock.value();
  run.array = h * run.array;
  run.lanes = h * run.lanes;
  run.compute_cycles *= h;
  for (double* bytes :
       {&run.buffer_read, &run.buffer_written, &run.memory_read, &run.memory_written})
    *bytes *= h;
  run.cycles = std::max(run.compute_cycles, run.memory_bytes() / array.memory.value() * clock);
  run.array_utilisation = run.array.cycles / run.cycles;
  run.lane_utilisation = run.lanes.cycles / run.cycles;
  run.seconds = Seconds(run.cycles / clock);
  for (const UnitWork* w : {&run.array, &run.lanes})
    run.arithmetic += e.multiply_add * w->multiply_adds + e.add * w->adds + e.maximum * w->maxima +
                      e.exponential * w->exponentials + e.divide * w->divides;
  run.buffer = e.buffer_read * Bytes(run.buffer_read) + e.buffer_write * Bytes(run.buffer_written);
  run.memory = array.memory_energy * Bytes(run.memory_bytes());
  // A multiply-add reads two operands and a sum, which are written as they arrive; the others two
  // and one.
  const auto registers = [](const UnitWork& w, Joules read, Joules write) {
    const double other = w.operations() - w.multiply_adds;
    return (3 * w.multiply_adds + 2 * other) * read + (3 * w.multiply_adds + other) * write;
  };
  run.registers = registers(run.array, e.array_register_read, e.array_register_write) +
                  registers(run.lanes, e.lane_register_read, e.lane_register_write);
  return run;
}

}  // namespace terrace
