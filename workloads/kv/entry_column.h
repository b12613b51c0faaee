// A number for every entry of a head, that follows the entries as they go.
#pragma once

#include <cstdint>
#include <vector>

namespace terrace {

class EntryColumn {
 public:
  void grow(std::int64_t n, float start = 0) { data_.resize(static_cast<std::size_t>(n), start); }
  void keep(const std::vector<std::int32_t>& slots) {
    // Slots ascend; entries past the end of the column have no number yet.
    std::size_t n = 0;
    for (; n < slots.size() && static_cast<std::size_t>(slots[n]) < data_.size(); ++n)
      data_[n] = data_[static_cast<std::size_t>(slots[n])];
    data_.resize(n);
  }
  float& operator[](std::int64_t slot) { return data_[static_cast<std::size_t>(slot)]; }
  const std::vector<float>& all() const { return data_; }

 private:
  std::vector<float> data_;
};

}  // namespace terrace
