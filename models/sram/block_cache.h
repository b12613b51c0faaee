// A cache of equal blocks, set-associative or fully associative, under any replacement policy: what
// is in it, without any time.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "models/sram/replacement.h"

namespace terrace {

class BlockCache {
 public:
  static constexpr std::uint64_t nobody = ~std::uint64_t{0};  // no block has this number

  BlockCache(std::uint32_t sets, std::uint32_t ways, const Choice<Replacement>& policy,
             std::uint64_t seed = 0);

  // Uses a block: true if it was there; otherwise it is brought in, and `*left` is told the block
  // that had to go, or nobody.
  bool access(const BlockUse& use, std::uint64_t* left = nullptr);
  bool access(std::uint64_t block) { return access(BlockUse{block}); }
  bool holds(std::uint64_t block) const { return find(block) != none; }
  bool erase(std::uint64_t block);  // true if it was there

  std::uint32_t sets() const { return sets_; }
  std::uint32_t ways() const { return ways_; }
  std::uint32_t size() const { return size_; }

 private:
  static constexpr std::uint32_t none = ~std::uint32_t{0};
  std::uint32_t set_of(std::uint64_t block) const {
    return sets_ == 1 ? 0 : static_cast<std::uint32_t>(block % sets_);
  }
  std::uint32_t find(std::uint64_t block) const;  // its place, or none
  std::size_t home(std::uint64_t block) const;
  void index(std::uint32_t place);
  void unindex(std::uint32_t place);

  std::uint32_t sets_, ways_, size_ = 0;
  std::unique_ptr<Replacement> policy_;
  std::vector<std::uint64_t> names_;
  // Wide sets are searched through a hash table with linear probing: places, or none.
  std::vector<std::uint32_t> table_;
  std::vector<std::uint32_t> free_;  // places of a wide set that hold nothing
};

}  // namespace terrace
