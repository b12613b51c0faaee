// Entries of one KV head: appended, kept, rewritten, stored in blocks.
#include "workloads/kv/head_cache.h"

#include <algorithm>
#include <cstring>

namespace terrace {

HeadCache::HeadCache(std::int64_t head_dim, std::int64_t raw_bits)
    : dim_(head_dim), stride_(whole_lanes(head_dim)), raw_bits_(raw_bits) {}

double HeadCache::bits(Side side) const {
  return block_bits_[side] + static_cast<double>(raw_[side] * dim_ * raw_bits_);
}

double HeadCache::read_bits(Side side) const {
  return block_read_bits_[side] + static_cast<double>(raw_[side] * dim_ * raw_bits_);
}

double HeadCache::read_bits(Side side, std::int64_t slot) const {
  const std::int32_t b = block(side, slot);
  if (b == raw) return static_cast<double>(dim_ * raw_bits_);
  const Block& of = blocks_[side][at(b)];
  return of.read_bits / of.tokens;
}

void HeadCache::append(std::int32_t position, const float* k, const float* v) {
  const float* from[2] = {k, v};
  for (const Side side : {key, value}) {
    std::vector<float>& data = data_[side];
    const std::size_t end = data.size();
    data.resize(end + at(stride_), 0.0F);
    std::memcpy(data.data() + end, from[side], at(dim_) * sizeof(float));
    blocks_of_[side].push_back(raw);
    ++raw_[side];
  }
  positions_.push_back(position);
  log_weights_.push_back(0);
  levels_.push_back(0);
}

void HeadCache::leave(Side side, std::int64_t slot) {
  std::int32_t& b = blocks_of_[side][at(slot)];
  if (b == raw) {
    --raw_[side];
    return;
  }
  Block& of = blocks_[side][at(b)];
  if (--of.live == 0) {
    block_bits_[side] -= of.bits;
    block_read_bits_[side] -= of.read_bits;
    free_[side].push_back(b);
  }
  b = raw;
}

void HeadCache::keep(const std::vector<std::int32_t>& slots) {
  std::size_t next = 0;
  for (std::int64_t slot = 0; slot < size(); ++slot) {
    if (next < slots.size() && slots[next] == slot) {
      ++next;
      continue;
    }
    leave(key, slot);
    leave(value, slot);
  }
  // What stays moves down in whole stretches.
  const std::size_t stride = at(stride_), n = slots.size();
  for (std::size_t to = 0; to < n;) {
    const std::size_t from = at(slots[to]);
    std::size_t run = 1;
    while (to + run < n && at(slots[to + run]) == from + run) ++run;
    if (from != to) {
      for (const Side side : {key, value}) {
        float* data = data_[side].data();
        std::memmove(data + to * stride, data + from * stride, run * stride * sizeof(float));
        std::int32_t* b = blocks_of_[side].data();
        std::memmove(b + to, b + from, run * sizeof(std::int32_t));
      }
      std::memmove(&positions_[to], &positions_[from], run * sizeof(std::int32_t));
      std::memmove(&log_weights_[to], &log_weights_[from], run * sizeof(float));
      std::memmove(&levels_[to], &levels_[from], run);
    }
    to += run;
  }
  for (const Side side : {key, value}) {
    data_[side].resize(n * stride);
    blocks_of_[side].resize(n);
  }
  positions_.resize(n);
  log_weights_.resize(n);
  levels_.resize(n);
}

RowsRef HeadCache::rewrite(std::int64_t slot, Side side) {
  if (block(side, slot) != raw) {
    leave(side, slot);
    ++raw_[side];
  }
  return {data_[side].data() + slot * stride_, 1, dim_, stride_};
}

void HeadCache::weigh(std::int64_t slot, float log_weight) {
  log_weights_[at(slot)] = log_weight;
  weighted_ = weighted_ || log_weight != 0;
}

void HeadCache::store(Side side, const std::vector<std::int32_t>& slots, RowsView decoded,
                      double bits, double read_bits) {
  std::int32_t id = 0;
  if (free_[side].empty()) {
    id = static_cast<std::int32_t>(blocks_[side].size());
    blocks_[side].emplace_back();
  } else {
    id = free_[side].back();
    free_[side].pop_back();
  }
  const auto count = static_cast<std::int32_t>(slots.size());
  for (std::size_t i = 0; i < slots.size(); ++i) {
    leave(side, slots[i]);
    blocks_of_[side][at(slots[i])] = id;
    std::memcpy(data_[side].data() + slots[i] * stride_, decoded.row(static_cast<std::int64_t>(i)),
                at(dim_) * sizeof(float));
  }
  blocks_[side][at(id)] = {bits, read_bits, count, count};
  block_bits_[side] += bits;
  block_read_bits_[side] += read_bits;
}

}  // namespace terrace
