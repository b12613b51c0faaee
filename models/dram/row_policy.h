// When a row that nobody waits for is closed: a family.
#pragma once

#include "sim/registry.h"

namespace terrace::dram {

struct RowRules {
  Time idle = Time::never();   // a row without hits is closed this long after its last use
  bool with_last_hit = false;  // ... or by the last hit itself: RDA, WRA
};

class RowPolicy {
 public:
  struct Context {};
  static constexpr const char* family = "dram_row_policy";
  static constexpr const char* meaning = "when a DRAM row that nobody waits for is closed";
  virtual ~RowPolicy() = default;
  virtual RowRules rules() const = 0;
};

}  // namespace terrace::dram
