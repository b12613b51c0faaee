// The loops by hand against their definitions, and work that is shared out.
#include "workloads/capture/vector_kernels.h"

#include <atomic>

#include "tests/workloads/capture/model_files.h"
#include "workloads/capture/workers.h"

using namespace terrace;

TEST_CASE("the exponential is within 2.5e-7 of itself, and 0 below exp(-87)", "[capture]") {
  std::vector<float> x;
  for (float v = -95; v <= 0; v += 0.00371F) x.push_back(v);
  std::vector<float> y = x;
  const float sum = exponentials(y.data(), static_cast<std::int64_t>(y.size()), 0);
  double worst = 0, expected_sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double e = x[i] < -87 ? 0 : std::exp(static_cast<double>(x[i]));
    expected_sum += e;
    if (e == 0)
      REQUIRE(y[i] == 0);
    else
      worst = std::max(worst, std::abs(static_cast<double>(y[i]) / e - 1));
  }
  INFO("largest relative error " << worst);
  // (ln(2)/2)^7 / 5040 = 1.2e-7 of the series, and two roundings of 2^-24.
  CHECK(worst < 2.5e-7);
  CHECK(static_cast<double>(sum) == Approx(expected_sum).epsilon(1e-5));
}

TEST_CASE("SwiGLU is gate x sigmoid(gate) x up, for gates of any size", "[capture]") {
  std::vector<float> gate, up;
  for (float v = -200; v <= 200; v += 0.37F) {
    gate.push_back(v);
    up.push_back(1 + v / 300);
  }
  std::vector<float> out = gate;
  swiglu(out.data(), up.data(), static_cast<std::int64_t>(out.size()));
  for (std::size_t i = 0; i < out.size(); ++i) {
    const double g = static_cast<double>(gate[i]);
    const double expected = g / (1 + std::exp(-g)) * static_cast<double>(up[i]);
    REQUIRE(static_cast<double>(out[i]) == Approx(expected).epsilon(1e-6).margin(1e-35));
  }
  CHECK(largest(gate.data(), 19) == gate[18]);
  CHECK(largest(gate.data(), 3) == gate[2]);
}

TEST_CASE("a product with packed weights is that with the decoded ones", "[capture]") {
  for (const std::uint32_t id : {2U, 3U, 8U}) {
    const BlockFormat& format = *find_block_format(id);
    if (!has_packed_kernel(format)) continue;  // no AVX2 here
    constexpr std::int64_t rows = 301, columns = 96;
    std::mt19937 random(id);
    PackedMatrix packed;
    packed.format = &format;
    packed.blocks.resize(rows * columns / 32 * format.bytes);
    for (auto& byte : packed.blocks) byte = static_cast<std::uint8_t>(random());
    std::vector<float> weights(rows * columns);
    for (std::size_t b = 0; b < weights.size() / 32; ++b) {
      std::uint8_t* block = packed.blocks.data() + b * format.bytes;
      for (std::size_t at = 1; at < (id == 3 ? 4U : 2U); at += 2) block[at] &= 0xB7;  // below 4
      format.decode(block, weights.data() + b * 32);
    }
    const auto x = test::random_values(random, columns, 1);
    std::vector<float> y(rows, 5);
    multiply_packed(packed, rows, columns, x.data(), y.data(), true);
    double worst = 0;
    for (std::int64_t r = 0; r < rows; ++r) {
      double expected = 5, size = 5;
      for (std::int64_t c = 0; c < columns; ++c) {
        const double term =
            static_cast<double>(weights[static_cast<std::size_t>(r * columns + c)]) *
            static_cast<double>(x[static_cast<std::size_t>(c)]);
        expected += term;
        size += std::abs(term);
      }
      worst = std::max(
          worst, std::abs(static_cast<double>(y[static_cast<std::size_t>(r)]) - expected) / size);
    }
    INFO(format.name << ": off by " << worst << " of the sum of magnitudes");
    CHECK(worst < 2e-6);
  }
}

TEST_CASE("every part of a shared-out piece of work is done once", "[capture]") {
  const int before = compute_threads();
  for (const int threads : {1, 2, 5}) {
    compute_threads(threads);
    for (int trial = 0; trial < 300; ++trial) {
      std::vector<std::atomic<int>> done(37);
      share_out(37, [&](std::int64_t i) {
        std::int64_t inner = 0;  // no race: parts inside a part follow each other
        share_out_range(1000, 10, [&](std::int64_t a, std::int64_t b) { inner += b - a; });
        done[static_cast<std::size_t>(i)] += inner == 1000 ? 1 : 1000;
      });
      for (const auto& d : done) REQUIRE(d == 1);
    }
    std::atomic<std::int64_t> sum{0};
    share_out_range(1000, 10,
                    [&](std::int64_t a, std::int64_t b) { sum += (b - a) * (a + b - 1) / 2; });
    CHECK(sum == 499500);
  }
  compute_threads(before);
}
