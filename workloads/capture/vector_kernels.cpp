// AVX2 kernels, chosen when the program runs. The exponential is 2^n times a polynomial of degree 6
// (the Taylor series on +-ln(2)/2, whose rest, r^7/5040, is below 1.2e-7).
#include "workloads/capture/vector_kernels.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "workloads/capture/workers.h"

#if defined(__x86_64__)
#include <immintrin.h>
#define TERRACE_AVX2 __attribute__((target("avx2,fma,f16c")))
#endif

namespace terrace {
namespace {

constexpr std::uint32_t q4_0_id = 2, q4_1_id = 3, q8_0_id = 8;

#if defined(__x86_64__)

const bool avx2 = [] {
  __builtin_cpu_init();
  // Every processor with AVX2 and FMA converts halves too (F16C); not every compiler knows its
  // name.
  return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
}();

TERRACE_AVX2 inline float sum_of(__m256 v) {
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

TERRACE_AVX2 inline float half_at(const std::uint8_t* at) {
  std::uint16_t h;
  std::memcpy(&h, at, sizeof h);
  return _cvtsh_ss(h);
}

// 16 bytes as floats, times x[0..15], onto sum.
TERRACE_AVX2 inline __m256 add_unsigned(__m128i bytes, const float* x, __m256 sum) {
  const __m256 low = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes));
  const __m256 high = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_srli_si128(bytes, 8)));
  return _mm256_fmadd_ps(high, _mm256_loadu_ps(x + 8),
                         _mm256_fmadd_ps(low, _mm256_loadu_ps(x), sum));
}
TERRACE_AVX2 inline __m256 add_signed(__m128i bytes, const float* x, __m256 sum) {
  const __m256 low = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes));
  const __m256 high = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(bytes, 8)));
  return _mm256_fmadd_ps(high, _mm256_loadu_ps(x + 8),
                         _mm256_fmadd_ps(low, _mm256_loadu_ps(x), sum));
}
TERRACE_AVX2 inline __m256 add_nibbles(const std::uint8_t* at, const float* x) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  const __m128i mask = _mm_set1_epi8(15);
  const __m256 low = add_unsigned(_mm_and_si128(bytes, mask), x, _mm256_setzero_ps());
  return add_unsigned(_mm_and_si128(_mm_srli_epi16(bytes, 4), mask), x + 16, low);
}

// `sums` are those of each 32 of x: what a block's minimum or zero point is multiplied with.
TERRACE_AVX2 float packed_row(std::uint32_t format, const std::uint8_t* row, std::int64_t blocks,
                              const float* x, const float* sums) {
  __m256 sum = _mm256_setzero_ps();
  float shifts = 0;
  for (std::int64_t b = 0; b < blocks; ++b, x += 32) {
    const float d = half_at(row);
    __m256 part;
    if (format == q4_1_id) {
      part = add_nibbles(row + 4, x);
      shifts += half_at(row + 2) * sums[b];
      row += 20;
    } else if (format == q4_0_id) {
      part = add_nibbles(row + 2, x);
      shifts -= 8 * d * sums[b];
      row += 18;
    } else {
      const auto* q = reinterpret_cast<const __m128i*>(row + 2);
      part = add_signed(_mm_loadu_si128(q), x, _mm256_setzero_ps());
      part = add_signed(_mm_loadu_si128(q + 1), x + 16, part);
      row += 34;
    }
    sum = _mm256_fmadd_ps(_mm256_set1_ps(d), part, sum);
  }
  return sum_of(sum) + shifts;
}

TERRACE_AVX2 inline __m256 exponential(__m256 x) {
  const __m256 bounded =
      _mm256_min_ps(_mm256_max_ps(x, _mm256_set1_ps(-87.0F)), _mm256_set1_ps(88.0F));
  const __m256 n = _mm256_round_ps(_mm256_mul_ps(bounded, _mm256_set1_ps(0x1.715476p+0F)),
                                   _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  __m256 r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0x1.62e4p-1F), bounded);  // ln(2), in two parts
  r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0x1.7f7d1cp-20F), r);
  __m256 p = _mm256_set1_ps(1.0F / 720);
  for (const float c : {1.0F / 120, 1.0F / 24, 1.0F / 6, 0.5F, 1.0F, 1.0F})
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(c));
  const __m256i power =
      _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
  const __m256 value = _mm256_mul_ps(p, _mm256_castsi256_ps(power));
  return _mm256_and_ps(value, _mm256_cmp_ps(x, _mm256_set1_ps(-87.0F), _CMP_GE_OQ));
}

TERRACE_AVX2 std::int64_t exponentials_avx2(float* values, std::int64_t n, float shift,
                                            float& sum) {
  __m256 sums = _mm256_setzero_ps();
  std::int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m256 e = exponential(_mm256_sub_ps(_mm256_loadu_ps(values + i), _mm256_set1_ps(shift)));
    _mm256_storeu_ps(values + i, e);
    sums = _mm256_add_ps(sums, e);
  }
  sum = sum_of(sums);
  return i;
}

TERRACE_AVX2 std::int64_t swiglu_avx2(float* gate, const float* up, std::int64_t n) {
  std::int64_t i = 0;
  const __m256 one = _mm256_set1_ps(1);
  for (; i + 8 <= n; i += 8) {
    const __m256 g = _mm256_loadu_ps(gate + i);
    const __m256 e = exponential(_mm256_sub_ps(_mm256_setzero_ps(), g));
    const __m256 silu = _mm256_div_ps(g, _mm256_add_ps(one, e));
    _mm256_storeu_ps(gate + i, _mm256_mul_ps(silu, _mm256_loadu_ps(up + i)));
  }
  return i;
}

TERRACE_AVX2 std::int64_t largest_avx2(const float* values, std::int64_t n, float& top) {
  if (n < 8) return 0;
  __m256 tops = _mm256_loadu_ps(values);
  std::int64_t i = 8;
  for (; i + 8 <= n; i += 8) tops = _mm256_max_ps(tops, _mm256_loadu_ps(values + i));
  float eight[8];
  _mm256_storeu_ps(eight, tops);
  top = *std::max_element(eight, eight + 8);
  return i;
}

#else

constexpr bool avx2 = false;
float packed_row(std::uint32_t, const std::uint8_t*, std::int64_t, const float*, const float*) {
  return 0;
}
std::int64_t exponentials_avx2(float*, std::int64_t, float, float&) { return 0; }
std::int64_t swiglu_avx2(float*, const float*, std::int64_t) { return 0; }
std::int64_t largest_avx2(const float*, std::int64_t, float&) { return 0; }

#endif

}  // namespace

bool has_packed_kernel(const BlockFormat& format) {
  return avx2 && (format.id == q4_0_id || format.id == q4_1_id || format.id == q8_0_id);
}

void multiply_packed(const PackedMatrix& matrix, std::int64_t rows, std::int64_t columns,
                     const float* x, float* y, bool add) {
  const std::int64_t blocks = columns / matrix.format->values;
  std::vector<float> sums(static_cast<std::size_t>(blocks));
  for (std::int64_t b = 0; b < blocks; ++b)
    for (std::int64_t i = 0; i < 32; ++i) sums[static_cast<std::size_t>(b)] += x[b * 32 + i];
  share_out_range(
      rows, 1 + (std::int64_t{1} << 21) / columns, [&](std::int64_t first, std::int64_t last) {
        const std::int64_t stride = blocks * matrix.format->bytes;
        for (std::int64_t r = first; r < last; ++r) {
          const float product = packed_row(matrix.format->id, matrix.blocks.data() + r * stride,
                                           blocks, x, sums.data());
          y[r] = add ? y[r] + product : product;
        }
      });
}

float exponentials(float* values, std::int64_t n, float shift) {
  float sum = 0;
  std::int64_t i = avx2 ? exponentials_avx2(values, n, shift, sum) : 0;
  for (; i < n; ++i) {
    const float e = values[i] - shift;
    values[i] = e < -87.0F ? 0 : std::exp(e);
    sum += values[i];
  }
  return sum;
}

void swiglu(float* gate, const float* up, std::int64_t n) {
  for (std::int64_t i = avx2 ? swiglu_avx2(gate, up, n) : 0; i < n; ++i)
    gate[i] = gate[i] / (1 + std::exp(-gate[i])) * up[i];
}

float largest(const float* values, std::int64_t n) {
  float top = values[0];
  for (std::int64_t i = avx2 ? largest_avx2(values, n, top) : 0; i < n; ++i)
    top = std::max(top, values[i]);
  return top;
}

}  // namespace terrace
