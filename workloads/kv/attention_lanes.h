// The attention kernels in the compiler's vector types. Included once for each width of machine, in
// a namespace and under a target of its own; only attention_kernel.cpp does so.

using Lanes = float __attribute__((vector_size(64)));
using Whole = std::int32_t __attribute__((vector_size(64)));
using Half = float __attribute__((vector_size(32)));
using Quarter = float __attribute__((vector_size(16)));

TERRACE_INLINE void load(const float* p, Lanes& v) { std::memcpy(&v, p, sizeof v); }
TERRACE_INLINE void store(float* p, const Lanes& v) { std::memcpy(p, &v, sizeof v); }

TERRACE_INLINE void fold(const Lanes& v, Quarter& q) {
  Half low, high;
  std::memcpy(&low, &v, sizeof low);
  std::memcpy(&high, reinterpret_cast<const char*>(&v) + sizeof low, sizeof high);
  const Half h = low + high;
  Quarter a, b;
  std::memcpy(&a, &h, sizeof a);
  std::memcpy(&b, reinterpret_cast<const char*>(&h) + sizeof a, sizeof b);
  q = a + b;
}
TERRACE_INLINE float total(const Lanes& v) {
  Quarter q;
  fold(v, q);
  return (q[0] + q[1]) + (q[2] + q[3]);
}

// exp with a relative error below 2e-7 for x <= 0; 0 below -87.
TERRACE_INLINE void exp_lanes(const Lanes& x, Lanes& e) {
  const Whole tiny = x < -87.0F;
  const Lanes clipped = tiny ? Lanes{} - 87.0F : x;
  const Lanes scaled = clipped * 1.44269504088896341F;
  const Lanes magic = Lanes{} + 12582912.0F;  // 1.5 * 2^23: adding it rounds to a whole number
  const Lanes rounded = (scaled + magic) - magic;
  Lanes r = clipped - rounded * 0.693145751953125F;  // ln 2 in two parts
  r = r - rounded * 1.42860682030941723e-6F;
  Lanes p = Lanes{} + 1.9875691500e-4F;  // Cephes expf
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * r * r + r + 1.0F;
  const Whole exponent = (__builtin_convertvector(rounded, Whole) + 127) << 23;
  Lanes power;
  std::memcpy(&power, &exponent, sizeof power);
  const Lanes product = p * power;
  e = tiny ? Lanes{} : product;
}

template <int R>
TERRACE_INLINE void dot_block(const float* q, std::int64_t q_stride, RowsView keys, float scale,
                              float* out, std::int64_t out_stride) {
  const std::int64_t width = whole_lanes(keys.cols);
  for (std::int64_t j = 0; j < keys.rows; ++j) {
    const float* k = keys.row(j);
    Lanes sums[R] = {};
    for (std::int64_t c = 0; c < width; c += lane) {
      Lanes kv, qv;
      load(k + c, kv);
      for (int r = 0; r < R; ++r) {
        load(q + r * q_stride + c, qv);
        sums[r] += qv * kv;
      }
    }
    for (int r = 0; r < R; ++r) out[r * out_stride + j] = total(sums[r]) * scale;
  }
}

template <int R, int C>
TERRACE_INLINE void sum_block(RowsView p, std::int64_t row, RowsView values, std::int64_t col,
                              RowsRef out) {
  Lanes sums[R][C] = {};
  for (std::int64_t j = 0; j < values.rows; ++j) {
    const float* v = values.row(j) + col;
    Lanes chunk[C];
    for (int c = 0; c < C; ++c) load(v + c * lane, chunk[c]);
    for (int r = 0; r < R; ++r) {
      const float w = p.row(row + r)[j];
      for (int c = 0; c < C; ++c) sums[r][c] += chunk[c] * w;
    }
  }
  for (int r = 0; r < R; ++r)
    for (int c = 0; c < C; ++c) {
      float held[lane];
      store(held, sums[r][c]);
      const std::int64_t first = col + c * lane;
      const std::int64_t n = std::min<std::int64_t>(lane, out.cols - first);
      for (std::int64_t i = 0; i < n; ++i) out.row(row + r)[first + i] = held[i];
    }
}

template <int R>
TERRACE_INLINE void sum_rows(RowsView p, std::int64_t row, RowsView values, RowsRef out) {
  const std::int64_t width = whole_lanes(values.cols);
  std::int64_t c = 0;
  for (; c + 4 * lane <= width; c += 4 * lane) sum_block<R, 4>(p, row, values, c, out);
  for (; c < width; c += lane) sum_block<R, 1>(p, row, values, c, out);
}

inline void dot_rows(RowsView q, RowsView keys, float scale, RowsRef out) {
  std::int64_t r = 0;
  for (; r + 4 <= q.rows; r += 4)
    dot_block<4>(q.row(r), q.stride, keys, scale, out.row(r), out.stride);
  for (; r + 3 <= q.rows; r += 3)
    dot_block<3>(q.row(r), q.stride, keys, scale, out.row(r), out.stride);
  for (; r < q.rows; ++r) dot_block<1>(q.row(r), q.stride, keys, scale, out.row(r), out.stride);
}

inline RowSum softmax(float* row, std::int64_t n) {
  constexpr float nothing = -INFINITY;
  const std::int64_t width = whole_lanes(n);
  for (std::int64_t j = n; j < width; ++j) row[j] = nothing;
  Lanes most = Lanes{} + nothing;
  for (std::int64_t j = 0; j < width; j += lane) {
    Lanes v;
    load(row + j, v);
    most = v > most ? v : most;
  }
  RowSum s;
  s.max = most[0];
  for (int i = 1; i < lane; ++i) s.max = std::max(s.max, most[i]);
  if (s.max == nothing) {
    std::fill(row, row + width, 0.0F);
    return s;
  }
  Lanes sums = {};
  for (std::int64_t j = 0; j < width; j += lane) {
    Lanes v, e;
    load(row + j, v);
    exp_lanes(v - s.max, e);
    store(row + j, e);
    sums += e;
  }
  s.sum = total(sums);
  const float inverse = 1.0F / s.sum;
  for (std::int64_t j = 0; j < width; j += lane) {
    Lanes v;
    load(row + j, v);
    store(row + j, v * inverse);
  }
  return s;
}

inline void weighted_sum(RowsView p, RowsView values, RowsRef out) {
  std::int64_t r = 0;
  for (; r + 4 <= p.rows; r += 4) sum_rows<4>(p, r, values, out);
  for (; r + 3 <= p.rows; r += 3) sum_rows<3>(p, r, values, out);
  for (; r < p.rows; ++r) sum_rows<1>(p, r, values, out);
}
