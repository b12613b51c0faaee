// Matrix products on floats, shared out over the workers.
#pragma once

#include <cstdint>

namespace terrace {

struct BlasMatrix {
  const float* data;
  std::int64_t stride;  // floats from one row to the next
};

// c[m x n] = scale * a[m x k] * b[n x k]^T, added to c where `add` says so: b has a row for each
// column of c.
void multiply_by_rows(std::int64_t m, std::int64_t n, std::int64_t k, BlasMatrix a, BlasMatrix b,
                      float* c, std::int64_t c_stride, float scale = 1, bool add = false);
// c[m x n] = a[m x k] * b[k x n]
void multiply(std::int64_t m, std::int64_t n, std::int64_t k, BlasMatrix a, BlasMatrix b, float* c,
              std::int64_t c_stride);

}  // namespace terrace
