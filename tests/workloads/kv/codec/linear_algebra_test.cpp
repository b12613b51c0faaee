// The numerics that codecs are calibrated with, against their definitions.
#include "workloads/kv/codec/linear_algebra.h"

#include <catch2/catch.hpp>

#include "tests/workloads/kv/codec/codec_bench.h"
#include "workloads/kv/codec/range_coder.h"
#include "workloads/kv/codec/walsh.h"

namespace terrace {

TEST_CASE("eigenvectors of a symmetric matrix are orthonormal and put it together again") {
  for (const std::int64_t n : {1, 2, 3, 17, 48}) {
    const Table x = normal_rows(n + 5, n);
    const Matrix a = gram(x.view());
    const Eigen e = eigen_symmetric(a);
    for (std::int64_t i = 0; i < n; ++i)
      for (std::int64_t j = 0; j < n; ++j) {
        double dot = 0, sum = 0;
        for (std::int64_t k = 0; k < n; ++k) {
          dot += e.vectors.at(i, k) * e.vectors.at(j, k);
          sum += e.values[static_cast<std::size_t>(k)] * e.vectors.at(k, i) * e.vectors.at(k, j);
        }
        REQUIRE(std::fabs(dot - (i == j ? 1 : 0)) < 1e-10);
        REQUIRE(std::fabs(sum - a.at(i, j)) < 1e-9 * e.values[0]);
      }
    REQUIRE(std::is_sorted(e.values.rbegin(), e.values.rend()));
  }
}

TEST_CASE("least squares finds the map that made the rows") {
  const Table x = normal_rows(60, 8), map = normal_rows(8, 3, 2);
  Table y(60, 3);
  for (std::int64_t t = 0; t < 60; ++t)
    for (std::int64_t i = 0; i < 8; ++i)
      for (std::int64_t j = 0; j < 3; ++j) y.row(t)[j] += x.row(t)[i] * map.row(i)[j];
  const Matrix found = least_squares(x.view(), y.view(), 1e-9);
  for (std::int64_t i = 0; i < 8; ++i)
    for (std::int64_t j = 0; j < 3; ++j) REQUIRE(std::fabs(found.at(i, j) - map.row(i)[j]) < 1e-4);
}

TEST_CASE("k-means finds clusters that lie apart, and is given fewer points than centroids") {
  Table x(90, 2);
  for (std::int64_t t = 0; t < 90; ++t) {
    x.row(t)[0] = static_cast<float>(t % 3) * 100 + static_cast<float>(t) * 1e-3F;
    x.row(t)[1] = 7;
  }
  const Table found = k_means(x.view(), 3, 10, 4);
  for (std::int64_t t = 0; t < 90; ++t)
    REQUIRE(std::fabs(found.row(nearest_row(found, x.row(t)))[0] - x.row(t)[0]) < 0.1F);
  REQUIRE(k_means(x.view().from(0, 2), 4, 10, 4).rows == 4);
}

TEST_CASE("a rotation by Walsh and Hadamard keeps lengths and undoes itself") {
  Table x = normal_rows(1, 64);
  const Table was = x;
  walsh(x.row(0), 64);
  double before = 0, after = 0;
  for (std::size_t i = 0; i < 64; ++i) {
    before += was.data[i] * was.data[i];
    after += x.data[i] * x.data[i];
  }
  REQUIRE(after == Approx(before));
  walsh(x.row(0), 64);
  for (std::size_t i = 0; i < 64; ++i) REQUIRE(x.data[i] == Approx(was.data[i]).margin(1e-5));
}

TEST_CASE("range coding takes the entropy of its table, and gives every number back") {
  // Geometric shares 1/2, 1/4, …: entropy 2 bits a symbol, and numbers outside the table.
  std::vector<double> counts(2 * 8 + 2, 0.0);
  RandomStream random(3, "symbols");
  std::vector<std::int32_t> numbers;
  for (int i = 0; i < 20000; ++i) {
    std::int32_t x = 0;
    while (random.uniform() < 0.5 && x < 8) ++x;
    numbers.push_back(i % 4000 == 0 ? 123456 - 50 * i : x);
  }
  for (int x = 0; x <= 8; ++x) counts[static_cast<std::size_t>(8 + x)] = std::ldexp(1e6, -x);
  const NumberTable table(8, counts);
  std::vector<std::uint8_t> bytes = {1, 2, 3};
  RangeEncoder out(bytes);
  for (const std::int32_t x : numbers) table.put(out, x);
  out.finish();
  RangeDecoder in(bytes, 3);
  for (const std::int32_t x : numbers) REQUIRE(table.get(in) == x);
  const double entropy = 20000 * 2.0, outside = 5 * (24 + 16);
  const double bits = 8.0 * static_cast<double>(bytes.size() - 3);
  INFO("bits " << bits << ", entropy " << entropy << " and " << outside << " for 5 outside");
  REQUIRE(bits < 1.01 * entropy + outside + 32);
  REQUIRE(bits > 0.98 * entropy);
}

}  // namespace terrace
