// Copy ops on the copy engines of a replica, or on the DMA engine of the lower tier.
#include "workloads/serving/copy_writer.h"

#include <algorithm>
#include <string>

namespace terrace {

CopyWriter::CopyWriter(const Machine& machine, const Placement& placement, const RankShape& rank,
                       std::int64_t block_tokens, std::int64_t chunk_blocks)
    : machine_(machine), placement_(placement), chunk_blocks_(static_cast<double>(chunk_blocks)) {
  const double page = rank.kv_bytes_per_token() * static_cast<double>(block_tokens);
  piece_bytes_ = rank.model.mla ? page : page / 2;  // a latent is one tensor, K and V are two
  const Parallel& p = placement.parallel();
  for (std::int64_t s = 0; s < p.pp; ++s) {
    const LayerSpan span = layers_of_stage(rank.model.layers, p.pp, s);
    stage_bytes_.push_back(page * static_cast<double>(span.last - span.first));
    block_bytes_ += stage_bytes_.back() * static_cast<double>(p.tp);
  }
}

bool CopyWriter::staged(TierId tier) const {
  return std::find(staged_.begin(), staged_.end(), tier) != staged_.end();
}

Step CopyWriter::write(const CopyJob& job, std::int64_t replica) const {
  Step step;
  step.id = job.id;
  step.lane = -1;
  step.label = copy_names[static_cast<std::size_t>(job.kind)];
  OpVertex down = OpGraph::null_vertex();
  for (const CopyJob::Part& p : job.parts)
    if (p.from != none && p.to != none) down = write_down(step, p, replica, down);
  for (const CopyJob::Part& p : job.parts)
    if (p.from == none || p.to == none) write_hbm(step, p, step.label, replica, down);
  return step;
}

void CopyWriter::write_hbm(Step& step, const CopyJob::Part& part, const char* label,
                           std::int64_t replica, OpVertex after) const {
  const bool in = part.to == none;
  const bool gathered = staged(in ? part.from : part.to);
  for (std::size_t s = 0; s < stage_bytes_.size(); ++s) {
    const StagePlace& place = placement_.at(replica, static_cast<std::int64_t>(s));
    const double bytes = stage_bytes_[s] * static_cast<double>(part.blocks);
    const double run = gathered ? stage_bytes_[s] * chunk_blocks_ : piece_bytes_;
    Op op;
    op.kind = OpKind::copy;
    op.label = label;
    op.engine = in ? place.copy_in : place.copy_out;
    op.group = place.group;
    op.pieces = std::max(1.0, bytes / run);
    op.reads(in ? part.from : place.hbm, bytes, std::numeric_limits<double>::infinity(), run);
    op.writes(in ? place.hbm : part.to, bytes, std::numeric_limits<double>::infinity(), run);
    append(step.graph, std::move(op), after);
  }
}

// By the engine of the device that takes it in, or gives it; else by the copy engine of the GPU.
OpVertex CopyWriter::write_down(Step& step, const CopyJob::Part& part, std::int64_t replica,
                                OpVertex after) const {
  EngineId engine = none;
  for (TierId tier : {part.to, part.from}) {
    const DeviceId device = machine_.tier(tier).device;
    if (engine == none)
      engine =
          machine_.find_engine(machine_.devices()[static_cast<std::size_t>(device)].name + ".dma");
  }
  const double bytes = block_bytes_ * static_cast<double>(part.blocks);
  const double run = staged(part.to) ? block_bytes_ * chunk_blocks_ : piece_bytes_ * chunk_blocks_;
  Op op;
  op.kind = OpKind::copy;
  op.label = "demote_kv";
  op.engine = engine != none ? engine : placement_.at(replica, 0).copy_out;
  op.pieces = std::max(1.0, bytes / run);
  op.reads(part.from, bytes, std::numeric_limits<double>::infinity(), run);
  op.writes(part.to, bytes, std::numeric_limits<double>::infinity(), run);
  return append(step.graph, std::move(op), after);
}

}  // namespace terrace
