// GGUF's number formats against their definitions, one value at a time.
#include "workloads/capture/block_format.h"

#include <random>

#include "tests/workloads/capture/model_files.h"
#include "workloads/capture/half.h"

using namespace terrace;

namespace {

// A half by its definition: sign, 5 bits of exponent, 10 of fraction.
double half_value(unsigned h) {
  const int exponent = static_cast<int>(h >> 10 & 31U);
  const double fraction = static_cast<double>(h & 1023U) / 1024;
  const double magnitude =
      exponent == 0 ? std::ldexp(fraction, -14) : std::ldexp(1 + fraction, exponent - 15);
  return (h & 0x8000U) != 0 ? -magnitude : magnitude;
}

struct Block {
  std::vector<std::uint8_t> b;
  double half(std::size_t at) const {
    return half_value(b[at] | static_cast<unsigned>(b[at + 1]) << 8);
  }
  // `count` bits from bit `first` on, counted from the least significant of byte `at`.
  int bits(std::size_t at, std::size_t first, std::size_t count) const {
    int value = 0;
    for (std::size_t i = 0; i < count; ++i)
      value |= (b[at + (first + i) / 8] >> ((first + i) % 8) & 1) << i;
    return value;
  }
};

using Slow = std::function<double(const Block&, std::size_t value)>;

void compare(std::uint32_t id, const char* name, const Slow& slow) {
  const BlockFormat* f = find_block_format(id);
  REQUIRE(f != nullptr);
  CHECK(std::string(f->name) == name);
  std::mt19937 random(id);
  for (int trial = 0; trial < 200; ++trial) {
    Block block;
    for (std::uint32_t i = 0; i < f->bytes; ++i)
      block.b.push_back(static_cast<std::uint8_t>(random()));
    // Scales of moderate size: exponents below 24.
    for (const std::size_t at : {std::size_t{0}, std::size_t{2}, std::size_t{208}})
      if (at + 1 < block.b.size()) block.b[at + 1] &= 0xDF;
    std::vector<float> got(f->values);
    f->decode(block.b.data(), got.data());
    for (std::size_t i = 0; i < got.size(); ++i) {
      const double expected = slow(block, i);
      INFO(name << " value " << i << ": " << got[i] << " against " << expected);
      REQUIRE(std::abs(static_cast<double>(got[i]) - expected) <=
              1e-6 * (std::abs(expected) + std::abs(block.half(0)) * 64 + 1e-6));
    }
  }
}

}  // namespace

TEST_CASE("every half is its sign, exponent and fraction, and comes back from float", "[capture]") {
  for (unsigned h = 0; h < 65536; ++h) {
    if ((h & 0x7C00U) == 0x7C00U) continue;
    const float f = float_of_half(static_cast<std::uint16_t>(h));
    REQUIRE(static_cast<double>(f) == half_value(h));
    REQUIRE(half_of_float(f) == h);
  }
  // Halfway between 1 and the next half: to even, and just above: up.
  CHECK(half_of_float(1 + 0x1p-11F) == 0x3C00);
  CHECK(half_of_float(1 + 0x1.8p-10F) == 0x3C02);
  CHECK(half_of_float(1 + 0x1.01p-11F) == 0x3C01);
  CHECK(half_of_float(0x1p-25F) == 0);
  CHECK(half_of_float(0x1.1p-25F) == 1);
  CHECK(half_of_float(65519.9F) == 0x7BFF);
  CHECK(half_of_float(65520.0F) == 0x7C00);
}

TEST_CASE("Q8_0 is a half and 32 signed bytes", "[capture]") {
  compare(8, "Q8_0", [](const Block& b, std::size_t i) {
    return b.half(0) * static_cast<std::int8_t>(b.b[2 + i]);
  });
}

TEST_CASE("Q4_0 and Q4_1 keep value i in the low, value i + 16 in the high half of a byte",
          "[capture]") {
  compare(2, "Q4_0", [](const Block& b, std::size_t i) {
    return b.half(0) * (b.bits(2 + i % 16, i / 16 * 4, 4) - 8);
  });
  compare(3, "Q4_1", [](const Block& b, std::size_t i) {
    return b.half(0) * b.bits(4 + i % 16, i / 16 * 4, 4) + b.half(2);
  });
}

TEST_CASE("Q5_0 and Q5_1 add a fifth bit from a word of 32", "[capture]") {
  compare(6, "Q5_0", [](const Block& b, std::size_t i) {
    return b.half(0) * (b.bits(6 + i % 16, i / 16 * 4, 4) + 16 * b.bits(2, i, 1) - 16);
  });
  compare(7, "Q5_1", [](const Block& b, std::size_t i) {
    return b.half(0) * (b.bits(8 + i % 16, i / 16 * 4, 4) + 16 * b.bits(4, i, 1)) + b.half(2);
  });
}

TEST_CASE("Q4_K has 8 scales and 8 minima of 6 bits over 256 values", "[capture]") {
  compare(12, "Q4_K", [](const Block& b, std::size_t i) {
    // Sub-blocks 0-3: the low 6 bits of bytes 4-7 and 8-11. 4-7: 4 bits of bytes 12-15, and the two
    // top bits that bytes 4-11 have left.
    const std::size_t j = i / 32;
    const int scale = j < 4 ? b.bits(4 + j, 0, 6) : b.bits(8 + j, 0, 4) + 16 * b.bits(j, 6, 2);
    const int low = j < 4 ? b.bits(8 + j, 0, 6) : b.bits(8 + j, 4, 4) + 16 * b.bits(4 + j, 6, 2);
    const int q = b.bits(16 + j / 2 * 32 + i % 32, j % 2 * 4, 4);
    return b.half(0) * scale * q - b.half(2) * low;
  });
}

TEST_CASE("Q6_K has 16 signed scales over 256 values of 6 bits", "[capture]") {
  compare(14, "Q6_K", [](const Block& b, std::size_t i) {
    const std::size_t half = i / 128, quarter = i % 128 / 32, column = i % 32;
    const int low = b.bits(64 * half + 32 * (quarter % 2) + column, quarter / 2 * 4, 4);
    const int high = b.bits(128 + 32 * half + column, 2 * quarter, 2);
    return b.half(208) * static_cast<std::int8_t>(b.b[192 + i / 16]) * (low + 16 * high - 32);
  });
}
