// Which operand of a matrix product a systolic array keeps in its processing elements, and what
// follows from it: folds, their cycles, and the traffic of scratchpads and memory.
#pragma once

#include "models/accel/gemm_folds.h"

namespace terrace {

// Elements through the ports of the three scratchpads.
struct ScratchpadTraffic {
  double input_reads = 0, weight_reads = 0, output_reads = 0, output_writes = 0;
};

class Dataflow {
 public:
  struct Context {};
  static constexpr const char* family = "dataflow";
  static constexpr const char* meaning = "the operand that a systolic array keeps in place";
  virtual ~Dataflow() = default;

  // Cycles of one fold on `array` that uses `rows` x `columns` elements and streams `stream`
  // vectors, from the first weight or input that enters to the last result that leaves.
  virtual std::int64_t cycles(ArraySize array, std::int64_t rows, std::int64_t columns,
                              std::int64_t stream) const = 0;

  struct Plan {
    FoldNest nest;
    FoldCost cost;
    ScratchpadTraffic traffic;  // of one product
    std::int64_t chunks = 1;    // pieces into which the scratchpads force the streamed dimension
  };
  // The best that fits the scratchpads when the memory gives `bytes_per_cycle`.
  virtual Plan plan(const ArrayGemm& gemm, ArraySize array, const Scratchpads& pads,
                    double bytes_per_cycle) const = 0;
};

}  // namespace terrace
