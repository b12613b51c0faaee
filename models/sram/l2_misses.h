// Lines on their way into an L2 (MSHRs), found by line, and the pools of small records behind them.
#pragma once

#include <cstdint>
#include <vector>

#include "models/sram/sector_cache.h"

namespace terrace {

// Records that are taken and given back, by number.
template <class T>
class Pool {
 public:
  std::uint32_t take(const T& value) {
    if (free_.empty()) {
      items_.push_back(value);
      return static_cast<std::uint32_t>(items_.size() - 1);
    }
    const std::uint32_t i = free_.back();
    free_.pop_back();
    items_[i] = value;
    return i;
  }
  void give(std::uint32_t i) { free_.push_back(i); }
  T& operator[](std::uint32_t i) { return items_[i]; }
  const T& operator[](std::uint32_t i) const { return items_[i]; }

 private:
  std::vector<T> items_;
  std::vector<std::uint32_t> free_;
};

constexpr std::uint32_t no_record = ~std::uint32_t{0};

// A queue of pool records that carry a member `next`.
struct Chain {
  std::uint32_t first = no_record, last = no_record;
  bool empty() const { return first == no_record; }
  template <class T>
  void push(Pool<T>& pool, std::uint32_t i) {
    pool[i].next = no_record;
    if (empty())
      first = i;
    else
      pool[last].next = i;
    last = i;
  }
  template <class T>
  std::uint32_t pop(Pool<T>& pool) {
    const std::uint32_t i = first;
    first = pool[i].next;
    return i;
  }
};

struct Miss {
  std::uint32_t line = 0;
  SectorCache::Mask have = 0, asked = 0;  // sectors that are there; that were asked for
  std::uint32_t transfers = 0;            // on their way from below
  Chain waiting;                          // pieces of requests
};

// Open addressing with linear probing; as many lines as the slices have MSHRs.
class MissTable {
 public:
  explicit MissTable(std::size_t room) {
    std::size_t slots = 2;
    while (slots < room * 2) slots *= 2;
    table_.assign(slots, no_record);
  }
  std::uint32_t find(std::uint32_t line) const {
    for (std::size_t at = home(line);; at = next(at))
      if (table_[at] == no_record || misses_[table_[at]].line == line) return table_[at];
  }
  std::uint32_t add(const Miss& miss) {
    const std::uint32_t i = misses_.take(miss);
    std::size_t at = home(miss.line);
    while (table_[at] != no_record) at = next(at);
    table_[at] = i;
    return i;
  }
  void remove(std::uint32_t i) {
    std::size_t hole = home(misses_[i].line);
    while (table_[hole] != i) hole = next(hole);
    for (std::size_t at = next(hole); table_[at] != no_record; at = next(at)) {
      const std::size_t wants = home(misses_[table_[at]].line);
      if (((at - wants) & (table_.size() - 1)) < ((at - hole) & (table_.size() - 1))) continue;
      table_[hole] = table_[at];
      hole = at;
    }
    table_[hole] = no_record;
    misses_.give(i);
  }
  Miss& operator[](std::uint32_t i) { return misses_[i]; }

 private:
  std::size_t home(std::uint32_t line) const {
    return (line * 0x9e3779b97f4a7c15ull >> 20) & (table_.size() - 1);
  }
  std::size_t next(std::size_t at) const { return (at + 1) & (table_.size() - 1); }

  Pool<Miss> misses_;
  std::vector<std::uint32_t> table_;
};

}  // namespace terrace
