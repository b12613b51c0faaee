// The free queue as a ring through the null block, and the map from content to blocks.
#include "workloads/serving/block_pool.h"

#include <algorithm>
#include <stdexcept>

namespace terrace {

BlockPool::BlockPool(std::int64_t blocks) {
  if (blocks < 2 || blocks > 0x7fffffff)
    throw std::logic_error("a block pool of that size cannot be");
  blocks_.resize(static_cast<std::size_t>(blocks));
  const auto last = static_cast<BlockId>(blocks - 1);
  for (BlockId b = 0; b <= last; ++b) {
    at(b).before = b == 0 ? last : b - 1;
    at(b).next = b == last ? 0 : b + 1;
  }
  at(0).users = 1;
  free_ = usable();
}

double BlockPool::usage() const {
  return 1 - static_cast<double>(free_) / static_cast<double>(usable());
}

void BlockPool::unlink(BlockId block) {
  Block& b = at(block);
  at(b.before).next = b.next;
  at(b.next).before = b.before;
  --free_;
  if (b.watched) --prefix_.idle;
}

BlockId BlockPool::take() {
  const BlockId block = blocks_[0].next;
  unlink(block);
  if (at(block).kept) forget(block);
  at(block).users = 1;
  return block;
}

void BlockPool::touch(BlockId block) {
  if (at(block).users++ == 0) unlink(block);
}

void BlockPool::release(BlockId block) {
  Block& b = at(block);
  if (--b.users > 0) return;
  b.before = blocks_[0].before;
  b.next = 0;
  at(b.before).next = block;
  blocks_[0].before = block;
  ++free_;
  if (b.watched) ++prefix_.idle;
}

void BlockPool::keep(BlockId block, BlockKey key) {
  at(block).key = key;
  at(block).kept = true;
  at(block).same = no_block;
  if (prefix_holds_ && key == prefix_miss_) unwatch();
  BlockId last = index_.find(key);
  if (last == KeyIndex::absent) {
    index_.set(key, block);
    return;
  }
  while (at(last).same != no_block) last = at(last).same;
  at(last).same = block;
}

BlockId BlockPool::find(BlockKey key) const {
  const std::int32_t found = index_.find(key);
  return found == KeyIndex::absent ? no_block : found;
}

void BlockPool::forget(BlockId block) {
  Block& b = at(block);
  b.kept = false;
  if (b.watched) unwatch();
  const BlockId first = index_.find(b.key);
  if (first != block) {
    BlockId before = first;
    while (at(before).same != block) before = at(before).same;
    at(before).same = b.same;
  } else if (b.same == no_block) {
    index_.erase(b.key);
  } else {
    index_.set(b.key, b.same);
  }
}

void BlockPool::unwatch() {
  for (BlockId b : prefix_.blocks) at(b).watched = false;
  prefix_holds_ = false;
}

const BlockPool::Prefix& BlockPool::prefix(const std::vector<BlockKey>& keys, std::size_t most) {
  most = std::min(most, keys.size());
  // Keys are chained: the same last key of as many means the same keys.
  const BlockKey last = most > 0 ? keys[most - 1] : 0;
  if (prefix_holds_ && prefix_most_ == most && prefix_last_ == last) return prefix_;
  if (prefix_holds_) unwatch();
  prefix_.blocks.clear();
  prefix_.idle = 0;
  while (prefix_.blocks.size() < most) {
    const BlockId b = find(keys[prefix_.blocks.size()]);
    if (b == no_block) break;
    prefix_.blocks.push_back(b);
    at(b).watched = true;
    if (at(b).users == 0) ++prefix_.idle;
  }
  prefix_miss_ = prefix_.blocks.size() < most ? keys[prefix_.blocks.size()] : last;
  prefix_most_ = most;
  prefix_last_ = last;
  prefix_holds_ = true;
  return prefix_;
}

}  // namespace terrace
