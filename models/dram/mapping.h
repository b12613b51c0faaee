// Where an address lies in a channel: a family of plans made of bit (or digit) fields.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/dram/standard.h"
#include "sim/registry.h"

namespace terrace::dram {

struct Location {
  int bank = 0;  // of the channel, counted through all levels
  std::uint32_t row = 0, column = 0;
};

// Cuts the number of a burst into digits, the lowest first; any size will do, powers of two are
// faster. Then exclusive-ors of one field with bits of another.
class MappingPlan {
 public:
  explicit MappingPlan(const Standard& standard);
  // The next digits above those so far: `size` of that level's, 0 for all that is left of it.
  void take(const std::string& level, int size = 0);
  // Flips bits of a level with those of the row or the column from `shift` up. Both are powers of
  // two, or the plan throws BuildError.
  void flip(const std::string& level, const std::string& by, int shift);
  void finish();  // throws BuildError where a level was left out
  bool complete(const std::string& level) const;
  int left(const std::string& level) const;  // what take() would still give
  const Standard& standard() const { return standard_; }
  Location locate(std::uint64_t burst) const;

 private:
  struct Digit {
    std::size_t field = 0;
    std::uint64_t size = 1;
    int shift = -1;  // of a power of two
    std::uint32_t times = 1;
  };
  struct Flip {
    std::size_t field = 0, by = 0;
    int shift = 0;
    std::uint32_t mask = 0;
  };
  std::size_t field(const std::string& level) const;
  const Standard& standard_;
  std::vector<int> taken_;  // of each level
  std::vector<Digit> digits_;
  std::vector<Flip> flips_;
  std::vector<std::uint32_t> strides_;  // of each level in the number of a bank
};

class AddressMapping {
 public:
  struct Context {};
  static constexpr const char* family = "dram_mapping";
  static constexpr const char* meaning = "where an address lies in a DRAM channel";
  virtual ~AddressMapping() = default;
  virtual void plan(MappingPlan& out) const = 0;
};

// Takes the levels in an order such as "RoBaRaCo", the highest first. Names: Ro, Co, Ba, Bg, and
// two letters of any other level (pseudo_channel Pc, sid Si, rank Ra). Ba stands for the bank group
// too where Bg is missing, Ra for every level that is not named. "Cl" takes `low_columns` first.
void take_in_order(MappingPlan& out, const std::string& order, int low_columns);

}  // namespace terrace::dram
