// Products by CBLAS. OpenBLAS chooses its kernels for the processor when the program starts, and
// runs each product on the thread that asks for it: its own threads would wait for each other at
// every product.
#include "workloads/capture/blas.h"

#include <cblas.h>
#include <dlfcn.h>

#include <cstdlib>
#include <string>

#include "workloads/capture/workers.h"

namespace terrace {
namespace {

blasint size(std::int64_t n) { return static_cast<blasint>(n); }
// OpenBLAS before 0.3.23 does not know processors newer than it and takes its SSE3 kernels for them
// (a tenth of the speed); its own table of kernels is set up again with the name of one it knows.
// OPENBLAS_CORETYPE, where it is set, is left alone.
void choose_kernels() {
#if defined(__x86_64__)
  const std::string chosen = openblas_get_corename();
  if (std::getenv("OPENBLAS_CORETYPE") != nullptr ||
      (chosen != "Prescott" && chosen != "Barcelona"))
    return;
  __builtin_cpu_init();
  const bool avx512 =
      __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512vl") != 0 &&
      __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512dq") != 0;
  const bool avx2 = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
  using Step = void (*)();
  const auto quit = reinterpret_cast<Step>(::dlsym(RTLD_DEFAULT, "gotoblas_dynamic_quit"));
  const auto init = reinterpret_cast<Step>(::dlsym(RTLD_DEFAULT, "gotoblas_dynamic_init"));
  if (quit == nullptr || init == nullptr || (!avx512 && !avx2)) return;
  ::setenv("OPENBLAS_CORETYPE", avx512 ? "SkylakeX" : "Haswell", 1);
  quit();
  init();
  ::unsetenv("OPENBLAS_CORETYPE");
#endif
}

[[maybe_unused]] const bool one_thread_each = [] {
  choose_kernels();
  openblas_set_num_threads(1);
  return true;
}();

}  // namespace

void multiply_by_rows(std::int64_t m, std::int64_t n, std::int64_t k, BlasMatrix a, BlasMatrix b,
                      float* c, std::int64_t c_stride, float scale, bool add) {
  const float beta = add ? 1.0F : 0.0F;
  // Half a millisecond of work in a part, or handing it over costs more on a busy machine.
  const std::int64_t least = 1 + (m == 1 ? std::int64_t{1} << 20 : std::int64_t{1} << 24) / (m * k);
  share_out_range(n, least, [&](std::int64_t first, std::int64_t last) {
    const float* rows = b.data + first * b.stride;
    if (m == 1)
      cblas_sgemv(CblasRowMajor, CblasNoTrans, size(last - first), size(k), scale, rows,
                  size(b.stride), a.data, 1, beta, c + first, 1);
    else
      cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, size(m), size(last - first), size(k),
                  scale, a.data, size(a.stride), rows, size(b.stride), beta, c + first,
                  size(c_stride));
  });
}

void multiply(std::int64_t m, std::int64_t n, std::int64_t k, BlasMatrix a, BlasMatrix b, float* c,
              std::int64_t c_stride) {
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, size(m), size(n), size(k), 1.0F, a.data,
              size(a.stride), b.data, size(b.stride), 0.0F, c, size(c_stride));
}

}  // namespace terrace
