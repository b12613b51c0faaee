// Gives sequences their KV blocks, names full blocks for reuse, takes blocks back. After vLLM 0.19,
// v1/core/kv_cache_manager.py and single_type_kv_cache_manager.py.
#pragma once

#include <cstdint>
#include <vector>

#include "workloads/serving/block_pool.h"
#include "workloads/serving/sequences.h"

namespace terrace {

class KvBlocks {
 public:
  struct Limits {
    std::int32_t block_tokens = 16;
    std::int32_t max_model_len = 0;
    bool prefix_caching = true;
  };
  KvBlocks(Sequences& sequences, std::int64_t blocks, const Limits& limits)
      : sequences_(sequences), pool_(blocks), limits_(limits) {}

  const BlockPool& pool() const { return pool_; }
  std::int32_t block_tokens() const { return limits_.block_tokens; }

  // Blocks that hold the beginning of a waiting sequence; never all of its tokens, as one must be
  // computed. Valid until the next call of anything here.
  const BlockPool::Prefix& find_prefix(Slot slot);

  // Whether all tokens known so far would fit, beside those found: a check, nothing is reserved.
  bool fits_whole(Slot slot, const BlockPool::Prefix& found) const;

  // Blocks for the first `upto` tokens, `found` first. False: too few are free, and nothing has
  // changed.
  bool allocate(Slot slot, std::int64_t upto, const BlockPool::Prefix& found);
  bool allocate(Slot slot, std::int64_t upto) {
    return upto <= sequences_[slot].room || allocate(slot, upto, nothing_);
  }

  // The full blocks among the first `tokens` tokens can be found from now on; `tokens` at most
  // those known.
  void keep(Slot slot, std::int32_t tokens) {
    if (tokens >= sequences_[slot].keep_at) keep_more(slot, tokens);
  }

  void free(Slot slot);                            // last block first: a prefix is evicted last
  void pin(BlockId block) { pool_.touch(block); }  // a copy out of it is under way
  void unpin(BlockId block) { pool_.release(block); }

 private:
  std::int64_t blocks_for(std::int64_t tokens) const;
  void keep_more(Slot slot, std::int32_t tokens);

  Sequences& sequences_;
  BlockPool pool_;
  Limits limits_;
  BlockPool::Prefix nothing_;
};

}  // namespace terrace
