// A copy or DMA engine: moves bytes from one tier to another over the machine's links.
// Source: measured form of back-to-back copies on PCIe 5 (bytes / (issue + bytes / rate)),
// configs/link/pcie5_x16.
#pragma once

#include "sim/machine.h"

namespace terrace {

// Does OpKind::copy ops with exactly one read and one write access. `op.pieces` transfers of equal
// size, or pieces of the shorter run length, whichever are smaller: the first pays the latencies of
// both tiers and of the route plus `start`, the others follow at the rate that links and tiers give
// for that piece size.
class CopyEngine final : public Engine {
 public:
  explicit CopyEngine(Seconds start) : start_(start) {}
  void plan(const Op& op, const Machine& machine, OpPlan& plan) const override;

 private:
  Seconds start_;  // from the op's turn to the first request: fetching and decoding the command
};

}  // namespace terrace
