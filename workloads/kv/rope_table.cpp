// Rotary embedding by table.
#include "workloads/kv/rope_table.h"

#include <cmath>
#include <cstdlib>

namespace terrace {

void RopeTable::turn(float* row, std::int64_t delta) {
  if (delta == 0 || empty()) return;
  const std::vector<double>& frequencies = rope_.frequencies();
  const std::size_t pairs = frequencies.size();
  const std::int64_t distance = std::abs(delta);
  for (; known_ <= distance; ++known_)
    for (const double f : frequencies) {
      const double angle = f * static_cast<double>(known_);
      table_.push_back(static_cast<float>(std::cos(angle)));
      table_.push_back(static_cast<float>(std::sin(angle)));
    }
  const float* turn = table_.data() + static_cast<std::size_t>(distance) * pairs * 2;
  const float sign = delta > 0 ? 1.0F : -1.0F;
  const bool adjacent = rope_.pairing() == Rope::Pairing::interleaved;
  for (std::size_t i = 0; i < pairs; ++i) {
    float& a = row[adjacent ? 2 * i : i];
    float& b = row[adjacent ? 2 * i + 1 : i + pairs];
    const float c = turn[2 * i], s = sign * turn[2 * i + 1];
    const float x = a * c - b * s;
    b = a * s + b * c;
    a = x;
  }
}

}  // namespace terrace
