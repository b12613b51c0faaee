// Matrix products beside float64, on the host and on a GPU.
#include <algorithm>
#include <cmath>

#include "tests/validate/cuda/paged_cache.h"

namespace terrace::cuda {
namespace {

template <class T>
void check_gemm(Place& place, int m, int n, int k, bool add) {
  INFO("on " << place.name() << ", " << m << " x " << n << " x " << k);
  const auto a = random_numbers<T>(at(m) * at(k), 1), b = random_numbers<T>(at(n) * at(k), 2);
  const auto c = random_numbers<T>(at(m) * at(n), 3);
  GemmArgs g;
  g.number = g.out = number_of<T>();
  g.a = place.put(a);
  g.b = place.put(b);
  T* out = place.put(c);
  g.c = out;
  g.m = m;
  g.n = n;
  g.k = k;
  g.add = add;
  place.call(g);
  const std::vector<T> got = place.get(out, c.size());
  double worst = 0;
  for (int i = 0; i < m; ++i)
    for (int j = 0; j < n; ++j) {
      double want = add ? real(c[at(i * n + j)]) : 0, size = 1;
      for (int x = 0; x < k; ++x) {
        const double product = real(a[at(i * k + x)]) * real(b[at(j * k + x)]);
        want += product;
        size += std::abs(product);
      }
      // The result is rounded once; sums of fp32 lose half a unit of the running sum each.
      const double allowed = std::abs(want) * rounding<T>() + size * 0x1p-24 * (k + 1);
      worst = std::max(worst, std::abs(real(got[at(i * n + j)]) - want) / allowed);
    }
  CHECK(worst <= 1);
}

void check_gemms(Place& place) {
  check_gemm<F16>(place, 70, 72, 136, false);
  check_gemm<Bf16>(place, 1, 128, 64, true);
  check_gemm<float>(place, 17, 33, 50, true);
}

TEST_CASE("matrix products are the float64 ones, on the host", "[cuda]") {
  HostPlace place;
  check_gemms(place);
}
TEST_CASE("matrix products are the float64 ones, on a GPU", "[cuda][gpu]") {
  on_gpu([](Place& place) {
    check_gemms(place);
    check_gemm<Bf16>(place, 64, 4096, 1024, false);
  });
}

}  // namespace
}  // namespace terrace::cuda
