// Every kernel but attention and matrix products beside its definition in float64, on the host and
// on a GPU.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "tests/validate/cuda/paged_cache.h"
#include "validate/cuda/kernels/host_block.h"

namespace terrace::cuda {
namespace {

template <class T>
void check_norm(Place& place, int rows, int columns) {
  const auto in = random_numbers<T>(at(rows * columns), 1), old = random_numbers<T>(in.size(), 2);
  const auto weight = random_numbers<T>(at(columns), 3);
  RmsNormArgs a;
  a.number = number_of<T>();
  a.in = place.put(in);
  T* residual = place.put(old);
  T* out = place.put(std::vector<T>(in.size()));
  a.residual = residual;
  a.out = out;
  a.weight = place.put(weight);
  a.rows = rows;
  a.columns = columns;
  place.call(a);
  const auto sums = place.get(residual, in.size()), got = place.get(out, in.size());
  for (int r = 0; r < rows; ++r) {
    double squares = 0;
    for (int c = 0; c < columns; ++c) {
      const auto i = at(r * columns + c);
      CHECK(real(sums[i]) == real(from_float<T>(to_float(in[i]) + to_float(old[i]))));
      squares += real(sums[i]) * real(sums[i]);
    }
    const double rms = std::sqrt(squares / columns + 1e-5);
    for (int c = 0; c < columns; ++c) {
      const auto i = at(r * columns + c);
      const double want = real(sums[i]) / rms * real(weight[at(c)]);
      CHECK(std::abs(real(got[i]) - want) <= std::abs(want) * 1.01 * rounding<T>() + 1e-6);
    }
  }
}

void check_rope(Place& place, bool interleaved) {
  const int rows = 3, heads = 2, dim = 64, pairs = 32, stride = 200;
  const auto in = random_numbers<float>(at(rows * stride), 1);
  const std::vector<std::int32_t> positions = {0, 5, 1000};
  std::vector<float> table(at(1001 * pairs * 2));
  const auto angle = [&](int position, int pair) {
    return position * std::pow(10000.0, -2.0 * pair / dim);
  };
  for (int p = 0; p <= 1000; ++p)
    for (int i = 0; i < pairs; ++i) {
      table[at((p * pairs + i) * 2)] = static_cast<float>(std::cos(angle(p, i)));
      table[at((p * pairs + i) * 2 + 1)] = static_cast<float>(std::sin(angle(p, i)));
    }
  RopeArgs a;
  a.number = Number::f32;
  float* data = place.put(in);
  a.data = data;
  a.table = place.put(table);
  a.positions = place.put(positions);
  a.rows = rows;
  a.heads = heads;
  a.head_dim = dim;
  a.pairs = pairs;
  a.stride = stride;
  a.interleaved = interleaved;
  place.call(a);
  const auto got = place.get(data, in.size());
  std::vector<float> want = in;
  for (int r = 0; r < rows; ++r)
    for (int h = 0; h < heads; ++h)
      for (int i = 0; i < pairs; ++i) {
        const auto base = at(r * stride + h * dim);
        const auto first = base + at(interleaved ? 2 * i : i);
        const auto second = base + at(interleaved ? 2 * i + 1 : i + pairs);
        const double c = std::cos(angle(positions[at(r)], i)),
                     s = std::sin(angle(positions[at(r)], i));
        want[first] = static_cast<float>(real(in[first]) * c - real(in[second]) * s);
        want[second] = static_cast<float>(real(in[first]) * s + real(in[second]) * c);
      }
  for (std::size_t i = 0; i < in.size(); ++i) CHECK(std::abs(got[i] - want[i]) < 1e-6F);
}

template <class T>
void check_silu(Place& place, bool gated) {
  const int rows = 3, columns = 300;
  const auto in = random_numbers<T>(at(rows * columns * (gated ? 2 : 1)), 1);
  SiluMulArgs a;
  a.number = number_of<T>();
  a.in = place.put(in);
  T* out = place.put(std::vector<T>(at(rows * columns)));
  a.out = out;
  a.rows = rows;
  a.columns = columns;
  a.gated = gated;
  place.call(a);
  const auto got = place.get(out, at(rows * columns));
  for (int r = 0; r < rows; ++r)
    for (int c = 0; c < columns; ++c) {
      const auto base = at(r * columns * (gated ? 2 : 1) + c);
      const double gate = real(in[base]);
      const double want = gate / (1 + std::exp(-gate)) * (gated ? real(in[base + at(columns)]) : 1);
      CHECK(std::abs(real(got[at(r * columns + c)]) - want) <=
            std::abs(want) * 1.01 * rounding<T>() + 1e-6);
    }
}

void check_argmax(Place& place) {
  std::vector<float> in = random_numbers<float>(at(3 * 1000), 1);
  in[1000 + 17] = in[1000 + 900] = 2;                 // of equals the first
  std::fill(in.begin() + 2000, in.end(), -INFINITY);  // all equal
  ArgmaxArgs a;
  a.in = place.put(in);
  a.out = place.put(std::vector<std::int32_t>(3, -1));
  a.rows = 3;
  a.columns = 1000;
  place.call(a);
  const auto got = place.get(a.out, 3);
  CHECK(got[0] == std::max_element(in.begin(), in.begin() + 1000) - in.begin());
  CHECK(got[1] == 17);
  CHECK(got[2] == 0);
}

void check_gather(Place& place) {
  for (const int width : {16, 32, 4096}) {
    const auto in = random_numbers<float>(at(50 * width / 4), 1);
    std::vector<std::int32_t> index = {49, 0, 7, 7, 23};
    GatherArgs a;
    a.in = place.put(in);
    float* out = place.put(std::vector<float>(index.size() * at(width / 4)));
    a.out = out;
    a.index = place.put(index);
    a.rows = 5;
    a.row_bytes = width;
    a.source_stride = width;
    place.call(a);
    const auto got = place.get(out, index.size() * at(width / 4));
    for (std::size_t i = 0; i < got.size(); ++i)
      CHECK(got[i] == in[at(index[i / at(width / 4)] * (width / 4)) + i % at(width / 4)]);
  }
}

void check_append(Place& place) {
  const PagedCache<Bf16> cache({40, 20}, 2, 64, 4, false, 3);
  KvPages pages = cache.put(place);
  const int stride = 8 * 64;  // four heads of Q, two of K, two of V
  const auto rows = random_numbers<Bf16>(at(2 * stride), 9);
  const Bf16* data = place.put(rows);
  KvAppendArgs a;
  a.k = data + 4 * 64;
  a.v = data + 6 * 64;
  a.kv = pages;
  a.sequences = place.put(std::vector<std::int32_t>{1, 0});
  a.positions = place.put(std::vector<std::int32_t>{19, 33});
  a.rows = 2;
  a.stride = stride;
  place.call(a);
  const auto table = place.get(pages.table, at(2 * pages.table_sequence));
  pages.table = table.data();
  const auto numbers = at(5 * pages.page_numbers());
  const auto k = place.get(static_cast<Bf16*>(pages.k), numbers);
  const auto v = place.get(static_cast<Bf16*>(pages.v), numbers);
  for (const auto& [row, sequence, position] : {std::array{0, 1, 19}, std::array{1, 0, 33}})
    for (int h = 0; h < 2; ++h)
      for (int d = 0; d < 64; ++d) {
        const auto to = at(pages.at(sequence, h, position) + d);
        CHECK(k[to].bits == rows[at(row * stride + (4 + h) * 64 + d)].bits);
        CHECK(v[to].bits == rows[at(row * stride + (6 + h) * 64 + d)].bits);
      }
}

void check_merge(Place& place) {
  const auto tokens = random_numbers<F16>(at(6 * 100), 1);
  const std::vector<float> weights = {1, 2, 0.5F, 3, 1, 1};
  const std::vector<std::int32_t> first = {0, 1, 4, 6};
  MergeTokensArgs a;
  a.number = Number::f16;
  a.tokens = place.put(tokens);
  a.weights = place.put(weights);
  a.first = place.put(first);
  F16* out = place.put(std::vector<F16>(at(300)));
  a.out = out;
  a.slots = 3;
  a.columns = 100;
  place.call(a);
  const auto got = place.get(out, at(300));
  for (int s = 0; s < 3; ++s)
    for (int c = 0; c < 100; ++c) {
      double sum = 0, weight = 0;
      for (int i = first[at(s)]; i < first[at(s) + 1]; ++i) {
        sum += static_cast<double>(weights[at(i)]) * real(tokens[at(i * 100 + c)]);
        weight += static_cast<double>(weights[at(i)]);
      }
      CHECK(std::abs(real(got[at(s * 100 + c)]) - sum / weight) <= 1.01 * rounding<F16>());
    }
}

void check_top_k(Place& place) {
  for (const auto& [n, k] : {std::pair{1, 1}, {700, 37}, {700, 700}, {513, 512}}) {
    std::vector<float> in = random_numbers<float>(at(2 * n), at(n) + at(k));
    for (int i = 0; i < n; ++i) in[at(n + i)] = static_cast<float>(i % 5) - 2;  // many equals
    if (n > 10) in[3] = -INFINITY, in[4] = INFINITY;
    TopKArgs a;
    a.in = place.put(in);
    a.out = place.put(std::vector<std::int32_t>(at(2 * k), -1));
    a.rows = 2;
    a.n = n;
    a.k = k;
    place.call(a);
    const auto got = place.get(a.out, at(2 * k));
    for (int r = 0; r < 2; ++r) {
      std::vector<std::int32_t> order(at(n));
      std::iota(order.begin(), order.end(), 0);
      std::stable_sort(order.begin(), order.end(),
                       [&](int x, int y) { return in[at(r * n + x)] > in[at(r * n + y)]; });
      order.resize(at(k));
      std::sort(order.begin(), order.end());
      CHECK(std::equal(order.begin(), order.end(), got.begin() + r * k));
    }
  }
}

void check_page_scores(Place& place) {
  const int rows = 2, entries = 9, dim = 64;
  const auto q = random_numbers<Bf16>(at(rows * dim), 1);
  const auto low = random_numbers<Bf16>(at(rows * entries * dim), 2),
             high = random_numbers<Bf16>(low.size(), 3);
  PageScoreArgs a;
  a.q = place.put(q);
  a.low = place.put(low);
  a.high = place.put(high);
  a.out = place.put(std::vector<float>(at(rows * entries)));
  a.rows = rows;
  a.entries = entries;
  a.head_dim = dim;
  place.call(a);
  const auto got = place.get(a.out, at(rows * entries));
  for (int r = 0; r < rows; ++r)
    for (int e = 0; e < entries; ++e) {
      double want = 0;
      for (int d = 0; d < dim; ++d) {
        const auto i = at((r * entries + e) * dim + d);
        const double x = real(q[at(r * dim + d)]);
        want += std::max(x * real(low[i]), x * real(high[i]));
      }
      CHECK(std::abs(static_cast<double>(got[at(r * entries + e)]) - want) < 1e-4);
    }
}

template <class T>
void check_codec(Place& place, int bits, int group, bool by_channel) {
  INFO("on " << place.name() << ", " << bits << " bits, groups of " << group
             << (by_channel ? " by channel" : " by token"));
  CodeShape s;
  s.bits = bits;
  s.group = group;
  s.by_channel = by_channel;
  s.rows = 128;
  s.columns = 256;
  const auto in = random_numbers<T>(at(s.rows * s.columns), 1);
  QuantizeArgs q;
  q.number = number_of<T>();
  q.shape = s;
  q.in = place.put(in);
  q.codes = place.put(std::vector<std::uint32_t>(at(s.code_bytes() / 4)));
  q.scales = place.put(std::vector<CodeScale>(at(s.groups())));
  place.call(q);
  DequantizeArgs d;
  d.number = q.number;
  d.shape = s;
  d.codes = q.codes;
  d.scales = q.scales;
  T* out = place.put(std::vector<T>(in.size()));
  d.out = out;
  place.call(d);
  const auto got = place.get(out, in.size());
  CHECK(s.code_bytes() == s.rows * s.columns * bits / 8);
  double worst = 0;
  for (std::int64_t g = 0; g < s.groups(); ++g) {
    double low = 2, high = -2;
    for (int i = 0; i < group; ++i) {
      // The definition of a group, without the layout's own arithmetic.
      const std::int64_t n =
          by_channel ? (g / s.columns * group + i) * s.columns + g % s.columns : g * group + i;
      low = std::min(low, real(in[at(n)]));
      high = std::max(high, real(in[at(n)]));
    }
    const double step = (high - low) / ((1 << bits) - 1);
    for (int i = 0; i < group; ++i) {
      const std::int64_t n =
          by_channel ? (g / s.columns * group + i) * s.columns + g % s.columns : g * group + i;
      // Half a step; step, least value and result are rounded, the scales to fp16.
      worst = std::max(worst, (std::abs(real(got[at(n)]) - real(in[at(n)])) - step / 2 -
                               (high - low) * rounding<F16>() - rounding<F16>()));
    }
  }
  CHECK(worst <= 1.01 * rounding<T>());
}

void check_stream(Place& place) {
  for (const auto& [read, written] : {std::pair{1000, 300}, {300, 1000}, {100, 0}, {0, 50}}) {
    StreamArgs a;
    a.in = place.put(std::vector<Vector16>(at(std::max(read, 1)), Vector16{{1, 2, 3, 4}}));
    Vector16* out =
        place.put(std::vector<Vector16>(at(std::max(written, 1)), Vector16{{9, 9, 9, 9}}));
    a.out = out;
    a.read_vectors = read;
    a.written_vectors = written;
    a.blocks = 2;
    place.call(a);
    const auto got = place.get(out, at(written));
    for (const Vector16& v : got) CHECK(v.words[0] <= 1);  // sums of ones by exclusive or
  }
}

void check_small(Place& place) {
  check_norm<float>(place, 2, 100);
  check_norm<Bf16>(place, 3, 4096);
  check_rope(place, false);
  check_rope(place, true);
  check_silu<float>(place, true);
  check_silu<F16>(place, false);
  check_argmax(place);
  check_gather(place);
  check_append(place);
  check_merge(place);
  check_top_k(place);
  check_page_scores(place);
  check_stream(place);
}
void check_codecs(Place& place) {
  check_codec<Bf16>(place, 8, 256, false);  // int8 by token
  check_codec<F16>(place, 4, 64, false);    // int4 in groups
  check_codec<Bf16>(place, 2, 32, true);    // KIVI's keys
  check_codec<F16>(place, 4, 64, true);
  check_codec<F16>(place, 2, 32, false);  // KIVI's values
}
TEST_CASE("small kernels are their definitions, on the host", "[cuda]") {
  HostPlace place;
  check_small(place);
}
TEST_CASE("small kernels are their definitions, on a GPU", "[cuda][gpu]") { on_gpu(check_small); }
TEST_CASE("codes are half a step from what they encode, on the host", "[cuda]") {
  HostPlace place;
  check_codecs(place);
}
TEST_CASE("codes are half a step from what they encode, on a GPU", "[cuda][gpu]") {
  on_gpu(check_codecs);
}
TEST_CASE("a thread that misses a barrier is told on", "[cuda]") {
  HostBlock block(64, 0);
  const Grid grid{1, 1, 1, 64, 0};
  CHECK_THROWS_WITH(block.run([&](int thread) {
    HostThread self(block, thread, 0, 0, 0, grid);
    if (thread != 3) self.sync();
  }),
                    "threads wait for a barrier that others never reach");
}

}  // namespace
}  // namespace terrace::cuda
