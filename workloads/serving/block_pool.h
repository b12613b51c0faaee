// The paged KV blocks of one replica: who uses which, in what order free ones are taken, and what
// they hold. After vLLM 0.19, v1/core/block_pool.py and kv_cache_utils.py (FreeKVCacheBlockQueue).
#pragma once

#include <cstdint>
#include <vector>

#include "workloads/serving/key_index.h"

namespace terrace {

using BlockId = std::int32_t;
inline constexpr BlockId no_block = -1;

// A block without users waits in the free queue and keeps its content, and its key, until it is
// taken.
class BlockPool {
 public:
  // Block 0 is the null block: taken at the start, never given out. At least 2 blocks.
  explicit BlockPool(std::int64_t blocks);

  std::int64_t blocks() const { return static_cast<std::int64_t>(blocks_.size()); }
  std::int64_t usable() const { return blocks() - 1; }
  std::int64_t free() const { return free_; }  // without users, cached content or not
  std::int64_t cached() const { return static_cast<std::int64_t>(index_.size()); }  // distinct keys
  double usage() const;  // share of usable blocks that have users

  BlockId take();               // the head of the free queue, its content forgotten; free() > 0
  void touch(BlockId block);    // one user more; leaves the free queue if it was there
  void release(BlockId block);  // one user less; the last one sends it to the queue's tail
  void keep(BlockId block, BlockKey key);  // its content can be found from now on; once per take()
  BlockId find(BlockKey key) const;        // of several with the same content the one kept first

  // The longest run of leading keys that can be found, at most `most` of them. Remembered until a
  // block of it is taken, the next key turns up, or something else is asked: the head of a waiting
  // line asks again and again.
  struct Prefix {
    std::vector<BlockId> blocks;
    std::int64_t idle = 0;  // how many of them have no user: they count as free too
  };
  const Prefix& prefix(const std::vector<BlockKey>& keys, std::size_t most);

  std::int32_t users(BlockId block) const { return at(block).users; }
  bool kept(BlockId block) const { return at(block).kept; }
  BlockKey key(BlockId block) const { return at(block).key; }
  BlockId queue_head() const { return queued_after(0); }  // no_block when none is free
  BlockId queued_after(BlockId block) const {
    return at(block).next == 0 ? no_block : at(block).next;
  }

 private:
  struct Block {
    BlockKey key = 0;
    BlockId before = 0, next = 0;  // in the free queue, a ring through block 0
    BlockId same = no_block;       // kept later under the same key
    std::int32_t users = 0;
    bool kept = false;
    bool watched = false;  // part of prefix_
  };
  const Block& at(BlockId b) const { return blocks_[static_cast<std::size_t>(b)]; }
  Block& at(BlockId b) { return blocks_[static_cast<std::size_t>(b)]; }
  void unlink(BlockId block);
  void forget(BlockId block);
  void unwatch();

  std::vector<Block> blocks_;
  KeyIndex index_;
  std::int64_t free_ = 0;
  Prefix prefix_;
  std::size_t prefix_most_ = 0;
  BlockKey prefix_last_ = 0, prefix_miss_ = 0;
  bool prefix_holds_ = false;
};

}  // namespace terrace
