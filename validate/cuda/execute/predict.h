// The simulator's time of one step alone on its machine, op by op.
#pragma once

#include "sim/machine.h"
#include "sim/op_graph.h"
#include "sim/record.h"

namespace terrace::cuda {

// `simulated_seconds` and `ops` of the record are filled in.
Record predict_step(const Step& step, const Machine& machine);

}  // namespace terrace::cuda
