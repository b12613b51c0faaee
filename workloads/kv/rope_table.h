// Turns rows by differences of position, with cosines and sines kept from one use to the next.
#pragma once

#include <cstdint>
#include <vector>

#include "workloads/capture/attention_shape.h"

namespace terrace {

class RopeTable {
 public:
  RopeTable() = default;
  explicit RopeTable(const Rope& rope) : rope_(rope) {}
  // Turns a head's channels in place by `delta` positions; 0 leaves them alone, bit for bit.
  void turn(float* row, std::int64_t delta);
  bool empty() const { return rope_.frequencies().empty(); }

 private:
  Rope rope_;
  std::vector<float> table_;  // [|delta|][pair]{cosine, sine}
  std::int64_t known_ = 0;
};

}  // namespace terrace
