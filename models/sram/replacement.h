// Which block leaves a full set: the family of replacement policies, for caches, TLBs and paging.
#pragma once

#include <cstdint>
#include <limits>

#include "sim/registry.h"

namespace terrace {

// What is known of a use of a block. Online policies look at `block` alone.
struct BlockUse {
  static constexpr std::uint64_t never_again = std::numeric_limits<std::uint64_t>::max();
  enum class Prediction : std::uint8_t { none, keep, discard };

  std::uint64_t block = 0;
  std::uint64_t next_use = never_again;      // position of its next use in the trace; oracles only
  Prediction prediction = Prediction::none;  // one bit: will it be used before it has to leave?
};

// Keeps the order of `ways` places in each of `sets` sets; a fully associative cache is one set. A
// cache calls, for a block that is there, hit(); for one that is not, victim() if its set is full,
// and then fill() with the place that it took. A block belongs to one set always.
class Replacement {
 public:
  struct Context {
    std::uint32_t sets = 1, ways = 16;
    std::uint64_t seed = 0;  // of those that toss coins
  };
  static constexpr const char* family = "replacement";
  static constexpr const char* meaning = "which block leaves a full set";
  virtual ~Replacement() = default;

  virtual void hit(std::uint32_t set, std::uint32_t way, const BlockUse& use) = 0;
  virtual std::uint32_t victim(std::uint32_t set, const BlockUse& incoming) = 0;  // the way
  virtual void fill(std::uint32_t set, std::uint32_t way, const BlockUse& use) = 0;
  virtual void erase(std::uint32_t set, std::uint32_t way) = 0;  // invalidated, not replaced
};

}  // namespace terrace
