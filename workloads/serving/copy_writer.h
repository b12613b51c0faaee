// Turns copies of KV blocks into steps: which engine, over which memories, how many bytes in pieces
// of what size.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/machine.h"
#include "workloads/llm/parallel.h"
#include "workloads/llm/rank_shape.h"
#include "workloads/serving/copy_job.h"

namespace terrace {

// Pieces: K and V of one block in one layer, as paged attention lays them out, or, in tiers that
// are staged, a chunk of all layers of a stage that was gathered before.
class CopyWriter {
 public:
  CopyWriter(const Machine& machine, const Placement& placement, const RankShape& rank,
             std::int64_t block_tokens, std::int64_t chunk_blocks);
  void stage(TierId tier) { staged_.push_back(tier); }

  // A background step (lane -1). Copies between lower tiers come before those out of HBM.
  Step write(const CopyJob& job, std::int64_t replica) const;

  double block_bytes() const { return block_bytes_; }  // of all layers on all ranks of a replica

 private:
  void write_hbm(Step& step, const CopyJob::Part& part, const char* label, std::int64_t replica,
                 OpVertex after) const;
  OpVertex write_down(Step& step, const CopyJob::Part& part, std::int64_t replica,
                      OpVertex after) const;
  bool staged(TierId tier) const;

  const Machine& machine_;
  const Placement& placement_;
  double piece_bytes_ = 0, chunk_blocks_ = 1, block_bytes_ = 0;
  std::vector<double> stage_bytes_;  // of a block on one rank, by stage
  std::vector<TierId> staged_;
};

}  // namespace terrace
