// The attention kernels for the machine that is there: built for several, chosen at the first call.
#include "workloads/kv/attention_kernel.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#define TERRACE_INLINE inline __attribute__((always_inline))

namespace terrace {
namespace {

namespace any_machine {
#include "workloads/kv/attention_lanes.h"
}

#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__)
#define TERRACE_WIDTHS 1
#pragma GCC push_options
#pragma GCC target("avx2,fma")
namespace avx2 {
#include "workloads/kv/attention_lanes.h"
}
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")
namespace avx512 {
#include "workloads/kv/attention_lanes.h"
}
#pragma GCC pop_options
#endif

struct Kernels {
  void (*dot_rows)(RowsView, RowsView, float, RowsRef);
  RowSum (*softmax)(float*, std::int64_t);
  void (*weighted_sum)(RowsView, RowsView, RowsRef);
};

Kernels choose() {
#ifdef TERRACE_WIDTHS
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
    return {avx512::dot_rows, avx512::softmax, avx512::weighted_sum};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return {avx2::dot_rows, avx2::softmax, avx2::weighted_sum};
#endif
  return {any_machine::dot_rows, any_machine::softmax, any_machine::weighted_sum};
}

const Kernels kernels = choose();

}  // namespace

void dot_rows(RowsView q, RowsView keys, float scale, RowsRef out) {
  kernels.dot_rows(q, keys, scale, out);
}
RowSum softmax(float* row, std::int64_t n) { return kernels.softmax(row, n); }
void weighted_sum(RowsView p, RowsView values, RowsRef out) {
  kernels.weighted_sum(p, values, out);
}

double dot(const float* a, const float* b, std::int64_t n) {
  double sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

}  // namespace terrace
