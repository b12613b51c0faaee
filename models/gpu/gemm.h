// One matrix multiplication on one tile shape: the step below the library's choice.
#pragma once

#include "models/gpu/kernel_time.h"

namespace terrace {

struct GemmProblem {
  double m = 0, n = 0, k = 0, count = 1;
  double a_bytes = 2, b_bytes = 2;  // of an element
  double rate = 0;                  // sustained tensor rate of the format, FLOP/s
  Traffic traffic;
};

struct TiledGemm {
  double seconds = 0;  // whole kernel
  double latency = 0;  // of those, in which nothing flows
  double main = 0;     // s the busiest multiprocessor multiplies or waits for the L2
  double l2_bytes = 0, memory_bytes = 0, memory_seconds = 0;
  Station bound = Station::tensor;
};

// `best`: a time already reached; the rest may be left out once this tile cannot beat it, and
// `seconds` is infinite then.
TiledGemm time_tile(const GpuParams& gpu, const GemmProblem& p, const Tile& tile, double split,
                    double best);

// The fastest tile and split along k: a well-tuned library picks the best.
TiledGemm time_best_tile(const GpuParams& gpu, const GemmProblem& p);

}  // namespace terrace
