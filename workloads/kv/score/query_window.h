// Numbers that the last queries left at every entry: shared by scores that look back a while.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "workloads/kv/events.h"

namespace terrace {

// The last `window` tokens of a chunk; a decode step's own.
inline void want_last(const HeadChunk& chunk, std::int64_t window,
                      std::vector<std::int32_t>& wanted) {
  for (std::int64_t t = std::max<std::int64_t>(0, chunk.tokens - window); t < chunk.tokens; ++t)
    wanted.push_back(static_cast<std::int32_t>(t));
}

// A ring of rows. Entries have columns that stay where they are while other entries go, so that
// forgetting an entry costs one column and not the whole ring.
template <class T>
class QueryWindow {
 public:
  explicit QueryWindow(std::int64_t window) : rows_(static_cast<std::size_t>(window)) {}

  std::int64_t window() const { return static_cast<std::int64_t>(rows_.size()); }
  void grow(std::int64_t entries) {
    while (static_cast<std::int64_t>(column_.size()) < entries) {
      if (free_.empty()) {
        free_.push_back(columns_++);
        for (auto& row : rows_) row.resize(static_cast<std::size_t>(columns_), T());
      }
      column_.push_back(free_.back());
      free_.pop_back();
    }
  }
  // The numbers of one more query; the oldest query's are forgotten.
  template <class Of>
  void push(const Of& of) {
    std::vector<T>& row = rows_[next_];
    next_ = (next_ + 1) % rows_.size();
    for (std::size_t i = 0; i < column_.size(); ++i) row[column_[i]] = of(i);
  }
  // In no order of time.
  template <class Each>
  void each(std::size_t entry, const Each& do_it) const {
    for (const auto& row : rows_) do_it(row[column_[entry]]);
  }
  void keep(const std::vector<std::int32_t>& slots) {
    std::vector<std::size_t> left;
    std::size_t next = 0;
    for (std::size_t i = 0; i < column_.size(); ++i) {
      if (next < slots.size() && static_cast<std::size_t>(slots[next]) == i) {
        left.push_back(column_[i]);
        ++next;
        continue;
      }
      for (auto& row : rows_) row[column_[i]] = T();
      free_.push_back(column_[i]);
    }
    column_ = std::move(left);
  }

 private:
  std::vector<std::vector<T>> rows_;
  std::vector<std::size_t> column_, free_;
  std::size_t columns_ = 0, next_ = 0;
};

}  // namespace terrace
