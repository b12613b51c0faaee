// The fast Walsh-Hadamard transform: orthonormal, its own inverse.
#pragma once

#include <cmath>
#include <cstdint>

namespace terrace {

inline void walsh(float* x, std::int64_t n) {  // n: a power of 2
  for (std::int64_t half = 1; half < n; half *= 2)
    for (std::int64_t i = 0; i < n; i += 2 * half)
      for (std::int64_t j = i; j < i + half; ++j) {
        const float a = x[j], b = x[j + half];
        x[j] = a + b;
        x[j + half] = a - b;
      }
  const float norm = 1 / std::sqrt(static_cast<float>(n));
  for (std::int64_t i = 0; i < n; ++i) x[i] *= norm;
}
inline std::int64_t power_of_two_in(std::int64_t n) { return n & -n; }  // largest that divides n

}  // namespace terrace
