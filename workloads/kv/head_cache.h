// The cached entries of one KV head of one layer: structure of arrays, in order of position.
#pragma once

#include <cstdint>
#include <vector>

#include "workloads/kv/rows.h"

namespace terrace {

// A slot is an entry's number now; slots move when entries go. Keys and values are what a reader
// gets: decoded, where a codec has stored them. Every stored bit is accounted to a block, and a
// block's bits are gone when its last entry is.
class HeadCache {
 public:
  enum Side : int { key = 0, value = 1 };
  static constexpr std::int32_t raw = -1;  // the block of an entry that no codec has touched

  HeadCache(std::int64_t head_dim, std::int64_t raw_bits);

  std::int64_t size() const { return static_cast<std::int64_t>(positions_.size()); }
  std::int64_t head_dim() const { return dim_; }
  RowsView keys() const { return rows(key); }
  RowsView values() const { return rows(value); }
  RowsView rows(Side side) const { return {data_[side].data(), size(), dim_, stride_}; }
  const std::vector<std::int32_t>& positions() const { return positions_; }
  const std::vector<float>& log_weights() const { return log_weights_; }  // added to the logits
  bool weighted() const { return weighted_; }                          // some log weight is not 0
  const std::vector<std::uint8_t>& levels() const { return levels_; }  // 1: demoted
  std::int32_t block(Side side, std::int64_t slot) const { return blocks_of_[side][at(slot)]; }
  std::int64_t raw_entries(Side side) const { return raw_[side]; }
  double bits(Side side) const;       // all that its entries take, scales and the like included
  double read_bits(Side side) const;  // what a reader of all of them reads
  double read_bits(Side side, std::int64_t slot) const;  // its equal part of its block

  void append(std::int32_t position, const float* k, const float* v);
  void keep(const std::vector<std::int32_t>& slots);  // ascending; every other entry goes
  RowsRef rewrite(std::int64_t slot, Side side);      // one row, to be changed: raw again
  void weigh(std::int64_t slot, float log_weight);
  void level(std::int64_t slot, std::uint8_t level) { levels_[at(slot)] = level; }
  // Puts `decoded` rows into these slots; together they now take `bits`, and reading them takes
  // `read_bits` (more where layers share what is stored).
  void store(Side side, const std::vector<std::int32_t>& slots, RowsView decoded, double bits,
             double read_bits);

 private:
  struct Block {
    double bits = 0, read_bits = 0;
    std::int32_t live = 0, tokens = 0;
  };
  static std::size_t at(std::int64_t slot) { return static_cast<std::size_t>(slot); }
  void leave(Side side, std::int64_t slot);

  std::int64_t dim_, stride_, raw_bits_;
  std::vector<float> data_[2];
  std::vector<std::int32_t> positions_, blocks_of_[2];
  std::vector<float> log_weights_;
  std::vector<std::uint8_t> levels_;
  std::vector<Block> blocks_[2];
  std::vector<std::int32_t> free_[2];
  std::int64_t raw_[2] = {0, 0};
  double block_bits_[2] = {0, 0}, block_read_bits_[2] = {0, 0};
  bool weighted_ = false;
};

}  // namespace terrace
