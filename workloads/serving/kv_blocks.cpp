// Allocation, naming and freeing of KV blocks, in vLLM's order.
#include "workloads/serving/kv_blocks.h"

#include <algorithm>

namespace terrace {

std::int64_t KvBlocks::blocks_for(std::int64_t tokens) const {
  const std::int64_t within = std::min<std::int64_t>(tokens, limits_.max_model_len);
  return (within + limits_.block_tokens - 1) / limits_.block_tokens;
}

const BlockPool::Prefix& KvBlocks::find_prefix(Slot slot) {
  if (!limits_.prefix_caching) return nothing_;
  SequenceInfo& info = sequences_.info(slot);
  const std::int32_t known = sequences_[slot].known;
  return pool_.prefix(info.chain.extend(info.request, known),
                      static_cast<std::size_t>((known - 1) / limits_.block_tokens));
}

bool KvBlocks::fits_whole(Slot slot, const BlockPool::Prefix& found) const {
  const auto have =
      static_cast<std::int64_t>(sequences_.info(slot).blocks.size() + found.blocks.size());
  const std::int64_t need = std::max<std::int64_t>(0, blocks_for(sequences_[slot].known) - have);
  return need + found.idle <= pool_.free();
}

bool KvBlocks::allocate(Slot slot, std::int64_t upto, const BlockPool::Prefix& found) {
  Sequence& s = sequences_[slot];
  std::vector<BlockId>& blocks = sequences_.info(slot).blocks;
  const auto have = static_cast<std::int64_t>(blocks.size() + found.blocks.size());
  const std::int64_t need = std::max<std::int64_t>(0, blocks_for(upto) - have);
  if (need + found.idle > pool_.free()) return false;
  if (blocks.empty()) {
    blocks.assign(found.blocks.begin(), found.blocks.end());
    for (BlockId b : blocks) pool_.touch(b);
    s.kept = static_cast<std::int32_t>(blocks.size());
    s.keep_at = limits_.prefix_caching ? (s.kept + 1) * limits_.block_tokens : Sequence::never;
  }
  for (std::int64_t n = 0; n < need; ++n) blocks.push_back(pool_.take());
  s.room = static_cast<std::int32_t>(blocks.size()) * limits_.block_tokens;
  return true;
}

void KvBlocks::keep_more(Slot slot, std::int32_t tokens) {
  Sequence& s = sequences_[slot];
  SequenceInfo& info = sequences_.info(slot);
  const std::int32_t full = tokens / limits_.block_tokens;
  const std::vector<BlockKey>& keys = info.chain.extend(info.request, tokens);
  for (; s.kept < full; ++s.kept) {
    const auto i = static_cast<std::size_t>(s.kept);
    pool_.keep(info.blocks[i], keys[i]);
  }
  s.keep_at = (s.kept + 1) * limits_.block_tokens;
}

void KvBlocks::free(Slot slot) {
  std::vector<BlockId>& blocks = sequences_.info(slot).blocks;
  for (auto b = blocks.rbegin(); b != blocks.rend(); ++b) pool_.release(*b);
  blocks.clear();
  Sequence& s = sequences_[slot];
  s.room = 0;
  s.kept = 0;
  s.keep_at = Sequence::never;  // until it has blocks again
}

}  // namespace terrace
