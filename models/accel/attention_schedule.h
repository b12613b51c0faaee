// Attention on a spatial array: a 2-D array of multiply-add elements, a 1-D array of lanes, a
// buffer and a memory. A schedule says which step of the softmax runs where, in how many passes
// over the scores, and what that moves; time and energy follow from counts.
#pragma once

#include <vector>

#include "models/accel/array_energy.h"

namespace terrace {

// `heads` independent problems (batch x heads); each scores `queries` against `keys`.
struct AttentionProblem {
  double heads = 1, queries = 1, keys = 1;
  double head_dim = 64, value_dim = 64;
  double element_bytes = 2;
  double scored = 1;  // share of the pairs that a mask leaves; tiles that it empties are skipped
};

struct SpatialArray {
  int rows = 256, columns = 256;  // of the 2-D array
  int lanes = 256;                // of the 1-D array
  PerSecond clock{940e6};
  Bytes buffer{16u << 20};
  BytesPerSecond memory{400e9};
  JoulesPerByte memory_energy{31.2e-12};
  bool exponential_units = false;     // pipelined ones in the lanes: a subtraction and e^x a cycle
  int exponential_multiply_adds = 6;  // where there are none: a polynomial on the multiply-adders
  ArrayEnergy energy;
};

// Operations of one unit.
struct UnitWork {
  double cycles = 0;
  double multiply_adds = 0, adds = 0, maxima = 0, exponentials = 0, divides = 0;
  double operations() const { return multiply_adds + adds + maxima + exponentials + divides; }
};

struct AttentionRun {
  double cycles = 0, compute_cycles = 0;  // with and without waiting for the memory
  UnitWork array, lanes;
  double buffer_read = 0, buffer_written = 0, memory_read = 0, memory_written = 0;  // bytes
  double resident_bytes = 0;                           // of the buffer that the schedule holds
  double array_utilisation = 0, lane_utilisation = 0;  // share of `cycles` each is busy
  Joules arithmetic, buffer, memory, registers;
  Seconds seconds;
  Joules energy() const { return arithmetic + buffer + memory; }  // registers apart
  double memory_bytes() const { return memory_read + memory_written; }
};

class AttentionSchedule {
 public:
  struct Context {};
  static constexpr const char* family = "attention_schedule";
  static constexpr const char* meaning = "how a spatial array runs attention";
  virtual ~AttentionSchedule() = default;
  virtual AttentionRun run(const SpatialArray& array, const AttentionProblem& p) const = 0;
};

// --- what schedules are made of ---

// Steps that start together and end with the slower of the two units.
struct Phase {
  UnitWork array, lanes;
};

// Tiles of scores, `rows` keys by `columns` queries, and the number of scores, of one head.
struct ScoreTiles {
  double keys = 0, queries = 0;  // tiles along each, whole ones
  double tiles = 0;              // of them worked on: the mask's share
  double scores = 0;
  ScoreTiles(const SpatialArray& array, const AttentionProblem& p);
};

// Work of one head; `finish` multiplies by the heads and prices it.
UnitWork operator+(UnitWork a, const UnitWork& b);
UnitWork operator*(double n, UnitWork w);
UnitWork multiply_adds(double n, double cycles);
UnitWork adds(double n, double cycles);
UnitWork maxima(double n, double cycles);
UnitWork divides(double n, double cycles);
// e^(x - m): a subtraction, then the exponential unit, pipelined behind it, or a polynomial.
UnitWork exponentials(double n, double slots, const SpatialArray& array, bool unit);

// Phases one after another, each `times` over; the memory works beside all of them.
AttentionRun finish(const SpatialArray& array, const AttentionProblem& p,
                    const std::vector<Phase>& phases, AttentionRun traffic_of_a_head);

}  // namespace terrace
