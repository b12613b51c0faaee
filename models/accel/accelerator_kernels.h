// Op times of an accelerator with systolic arrays.
#pragma once

#include "models/accel/accelerator_engine.h"
#include "models/accel/accelerator_params.h"

namespace terrace {

class ArrayKernels final : public AcceleratorKernels {
 public:
  explicit ArrayKernels(const AcceleratorParams& params);
  KernelTime time(const Op& op, TierId local) const override;

  // The stations' capacities: FLOP/s, operations/s, B/s of all scratchpad ports.
  double array_rate() const, lane_rate() const, scratchpad_rate() const;

 private:
  KernelTime gemm(const Op& op, const Traffic& traffic) const;
  KernelTime attention(const Op& op, const Traffic& traffic) const;
  KernelTime stream(const Op& op, const Traffic& traffic) const;

  AcceleratorParams params_;
  SystolicArray array_;
  std::shared_ptr<const AttentionSchedule> schedule_;
};

// The problem that the sums of an attention op stand for: its mean sequence, `heads` of them; query
// heads that share a KV head are further queries.
AttentionProblem problem_of(const AttentionShape& shape);

}  // namespace terrace
