// The attention kernels against attention written out, and against themselves in other blocks.
#include "workloads/kv/attention_kernel.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <vector>

#include "sim/random.h"

namespace terrace {
namespace {

struct Problem {
  std::int64_t rows, n, dim, wide, width;
  std::vector<float> q, k, v, p, out;
  Problem(std::int64_t rows_, std::int64_t n_, std::int64_t dim_)
      : rows(rows_), n(n_), dim(dim_), wide(whole_lanes(dim_)), width(whole_lanes(n_)) {
    RandomStream random(1, "kernel");
    const auto fill = [&](std::vector<float>& m, std::int64_t count) {
      m.assign(static_cast<std::size_t>(count * wide), 0.0F);
      for (std::int64_t i = 0; i < count; ++i)
        for (std::int64_t c = 0; c < dim; ++c)
          m[static_cast<std::size_t>(i * wide + c)] = static_cast<float>(3 * random.normal());
    };
    fill(q, rows);
    fill(k, n);
    fill(v, n);
    p.resize(static_cast<std::size_t>(rows * width));
    out.resize(static_cast<std::size_t>(rows * dim));
  }
  void run(std::int64_t first, std::int64_t count) {
    const RowsView queries(q.data() + first * wide, count, dim, wide);
    const RowsRef to{p.data() + first * width, count, n, width};
    dot_rows(queries, {k.data(), n, dim, wide}, 0.25F, to);
    for (std::int64_t r = 0; r < count; ++r) softmax(to.row(r), n);
    weighted_sum(to, {v.data(), n, dim, wide}, {out.data() + first * dim, count, dim, dim});
  }
};

}  // namespace

TEST_CASE("attention is within a few units in the last place of attention in double") {
  for (const std::int64_t dim : {8, 16, 20, 64, 128})
    for (const std::int64_t n : {1, 15, 16, 100}) {
      Problem a(7, n, dim);
      a.run(0, 7);
      for (std::int64_t r = 0; r < 7; ++r) {
        std::vector<double> p(static_cast<std::size_t>(n));
        double most = -1e300, sum = 0;
        for (std::int64_t j = 0; j < n; ++j) {
          double logit = 0;
          for (std::int64_t c = 0; c < dim; ++c)
            logit += static_cast<double>(a.q[static_cast<std::size_t>(r * a.wide + c)]) *
                     a.k[static_cast<std::size_t>(j * a.wide + c)];
          p[static_cast<std::size_t>(j)] = logit / 4;
          most = std::max(most, logit / 4);
        }
        for (double& x : p) sum += x = std::exp(x - most);
        for (std::int64_t c = 0; c < dim; ++c) {
          double expected = 0;
          for (std::int64_t j = 0; j < n; ++j)
            expected += p[static_cast<std::size_t>(j)] / sum *
                        a.v[static_cast<std::size_t>(j * a.wide + c)];
          REQUIRE(a.out[static_cast<std::size_t>(r * dim + c)] == Approx(expected).margin(2e-4));
        }
      }
    }
}

TEST_CASE("queries together and one by one give the same bits") {
  Problem together(11, 77, 64), apart(11, 77, 64);
  together.run(0, 11);
  for (std::int64_t r = 0; r < 11; ++r) apart.run(r, 1);
  REQUIRE(std::memcmp(together.out.data(), apart.out.data(), together.out.size() * 4) == 0);
}

TEST_CASE("a row in which nothing is visible has no attention, and the sum is that of exp") {
  std::vector<float> row(16, -INFINITY);
  REQUIRE(softmax(row.data(), 5).sum == 0);
  REQUIRE(row[0] == 0);
  row = {0, 1, 2};
  row.resize(16);
  const RowSum sum = softmax(row.data(), 3);
  REQUIRE(sum.max == 2);
  REQUIRE(sum.sum == Approx(1 + std::exp(-1.0) + std::exp(-2.0)));
}

}  // namespace terrace
