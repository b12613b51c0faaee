// What weight- and input-stationary share: one operand lies in the array, the other streams through
// its rows, and partial sums run down its columns.
#pragma once

#include "models/accel/dataflow.h"

namespace terrace {

// The product as the array sees it: `rows` is the dimension that is summed, `columns` the other one
// of the held operand, `stream` the other one of the operand that passes.
struct HeldProduct {
  std::int64_t rows = 1, columns = 1, stream = 1;
  double held_bytes = 2, passing_bytes = 2, output_bytes = 2;  // of an element
  double held_pad = 0, passing_pad = 0, output_pad = 0;        // scratchpads, bytes
  double accumulator_bytes = 4;
  bool shadow_registers = false;  // see shadowed_cycles
};

// rows(array) cycles to shift the held tile in; then vectors enter one a cycle, skewed over the
// rows, and sums leave skewed over the columns: rows + stream + used rows + used columns - 2. With
// all of the array used this is SCALE-Sim's 2 rows + columns + stream - 2 (Samajdar et al., ISPASS
// 2020).
std::int64_t held_cycles(ArraySize array, std::int64_t rows, std::int64_t columns,
                         std::int64_t stream);

// With a second register for the held operand in every element, the next tile shifts in while this
// one works and the next fold's vectors follow its last one without a gap: all folds but the last
// take the longer of the stream and the shift.
std::int64_t shadowed_cycles(ArraySize array, std::int64_t stream);

// Loops: chunks of the stream, columns, rows; sums stay in the output scratchpad over the rows. The
// passing operand is loaded again for every fold of columns unless a whole chunk of it fits; the
// held one for every chunk unless all of it fits. A chunk is as long as the scratchpads allow, or
// as long as the passing operand stays, whichever takes less time.
Dataflow::Plan plan_held(const HeldProduct& product, ArraySize array, double bytes_per_cycle);

}  // namespace terrace
