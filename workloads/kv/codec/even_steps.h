// Even steps between the smallest and the largest of a group, as Rtn stores them: step and
// smallest in fp16, then the codes.
#pragma once

#include <algorithm>
#include <cmath>

#include "workloads/kv/number_formats.h"

namespace terrace {

struct EvenSteps {
  float step = 0, zero = 0, most = 0;

  static EvenSteps of(const float* x, std::int64_t stride, std::int64_t n, int bits) {
    float low = x[0], high = x[0];
    for (std::int64_t i = 1; i < n; ++i) {
      low = std::min(low, x[i * stride]);
      high = std::max(high, x[i * stride]);
    }
    const float most = static_cast<float>((1 << bits) - 1);
    const float zero = from_half(to_half(low));
    return {from_half(to_half((high - zero) / most)), zero, most};
  }
  std::uint32_t code(float x) const {
    const float steps = step > 0 ? std::nearbyint((x - zero) / step) : 0;
    return static_cast<std::uint32_t>(std::clamp(steps, 0.0F, most));
  }
  float value(std::uint32_t code) const { return zero + step * static_cast<float>(code); }
};

// A group by itself, in whole bytes.
inline void put_even(std::vector<std::uint8_t>& bytes, const float* x, std::int64_t stride,
                     std::int64_t n, int bits) {
  const EvenSteps steps = EvenSteps::of(x, stride, n, bits);
  put_half(bytes, steps.step);
  put_half(bytes, steps.zero);
  BitWriter out(bytes);
  for (std::int64_t i = 0; i < n; ++i) out.put(steps.code(x[i * stride]), bits);
}
inline void get_even(BitReader& in, float* x, std::int64_t stride, std::int64_t n, int bits) {
  EvenSteps steps;
  steps.step = in.half();
  steps.zero = in.half();
  in.align();
  for (std::int64_t i = 0; i < n; ++i) x[i * stride] = steps.value(in.get(bits));
  in.align();
}

}  // namespace terrace
