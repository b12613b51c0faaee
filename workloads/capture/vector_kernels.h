// Inner loops by hand for processors with AVX2, and plainly for others: exponentials, and products
// with weights that stay packed.
#pragma once

#include <cstdint>
#include <vector>

#include "workloads/capture/block_format.h"

namespace terrace {

// A matrix as its file stores it: rows of blocks. Empty where it is not, or no kernel would gain.
struct PackedMatrix {
  const BlockFormat* format = nullptr;
  std::vector<std::uint8_t> blocks;
  bool empty() const { return blocks.empty(); }
};

bool has_packed_kernel(const BlockFormat& format);  // on this processor
// y[rows] = matrix * x, added to y where `add` says so; shared out over the workers.
void multiply_packed(const PackedMatrix& matrix, std::int64_t rows, std::int64_t columns,
                     const float* x, float* y, bool add);

// values[i] = exp(values[i] - shift), within 2.5e-7 of itself; exponents below -87 are 0. The sum
// comes back.
float exponentials(float* values, std::int64_t n, float shift);
// gate[i] = gate[i] / (1 + exp(-gate[i])) * up[i]
void swiglu(float* gate, const float* up, std::int64_t n);
float largest(const float* values, std::int64_t n);

}  // namespace terrace
