// The family of those who decide what a full tier of the prefix cache gives up.
#pragma once

#include <cstdint>
#include <vector>

#include "workloads/requests/block_key.h"

namespace terrace {

// Entries are small numbers, used again after they were removed. Pinned ones are being copied and
// must stay.
class Eviction {
 public:
  struct Context {
    std::int64_t capacity = 0;  // entries
  };
  static constexpr const char* family = "eviction";
  static constexpr const char* meaning = "what a full tier of the prefix cache gives up";
  static constexpr std::int32_t nothing = -1;

  virtual ~Eviction() = default;
  virtual void inserted(std::int32_t entry, BlockKey key) = 0;
  virtual void touched(std::int32_t entry) = 0;
  virtual void removed(std::int32_t entry) = 0;
  // The entry to go next, of those with pins[entry] == 0; it stays in until removed().
  virtual std::int32_t victim(const std::vector<std::int32_t>& pins) = 0;
};

// Entries in a line; what several members are made of.
class EntryLine {
 public:
  static constexpr std::int32_t end = -1;
  void push_back(std::int32_t entry);
  void erase(std::int32_t entry);
  std::int32_t front() const { return first_; }
  std::int32_t after(std::int32_t entry) const { return links_[at(entry)].next; }
  std::int64_t size() const { return size_; }

 private:
  struct Link {
    std::int32_t before = end, next = end;
  };
  static std::size_t at(std::int32_t entry) { return static_cast<std::size_t>(entry); }
  std::vector<Link> links_;
  std::int32_t first_ = end, last_ = end;
  std::int64_t size_ = 0;
};

}  // namespace terrace
