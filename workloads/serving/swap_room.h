// Room in a lower tier for the KV of preempted requests, of one replica. After vLLM V0's swapping
// (core/block_manager.py); V1 only recomputes.
#pragma once

#include <cstdint>

#include "workloads/serving/copy_job.h"
#include "workloads/serving/sequences.h"

namespace terrace {

class SwapRoom {
 public:
  SwapRoom(TierId tier, std::int64_t blocks) : tier_(tier), blocks_(blocks) {}

  TierId tier() const { return tier_; }
  std::int64_t used() const { return used_; }
  bool reserve(std::int64_t blocks) {
    if (used_ + blocks > blocks_) return false;
    used_ += blocks;
    return true;
  }
  void release(std::int64_t blocks) { used_ -= blocks; }

 private:
  TierId tier_;
  std::int64_t blocks_, used_ = 0;
};

}  // namespace terrace
