// Codecs: what comes back is within the format's bound, and takes the bytes of the formula.
#include <catch2/catch.hpp>
#include <cmath>

#include "tests/workloads/kv/harness.h"
#include "workloads/kv/number_formats.h"

namespace terrace {

TEST_CASE("half precision is within half a unit in the last of 11 bits, at 2 bytes a number") {
  const auto bytes = require_codec_within("fp16", 16, 32, [](auto, auto, double x) {
    return std::max(std::fabs(x) * std::ldexp(1, -11), std::ldexp(1, -25));
  });
  REQUIRE(bytes == 16 * 32 * 2);
}

TEST_CASE("fp8 is within half a unit in the last of 4 or 3 bits, at 1 byte a number") {
  // E4M3: 4 significant bits, least step 2^-9; E5M2: 3 bits, 2^-16 (OCP OFP8, tables 1 and 2).
  REQUIRE(require_codec_within("{kind: fp8, format: e4m3}", 16, 32, [](auto, auto, double x) {
            return std::max(std::fabs(x) * std::ldexp(1, -4), std::ldexp(1, -10));
          }) == 16 * 32);
  REQUIRE(require_codec_within("{kind: fp8, format: e5m2}", 16, 32, [](auto, auto, double x) {
            return std::max(std::fabs(x) * std::ldexp(1, -3), std::ldexp(1, -17));
          }) == 16 * 32);
}

TEST_CASE("every code of the narrow formats comes back to itself") {
  for (int i = 0; i < 256; ++i) {
    const auto b = static_cast<std::uint8_t>(i);
    if (!std::isnan(from_fp8_e4m3(b))) REQUIRE(to_fp8_e4m3(from_fp8_e4m3(b)) == b);
    if (!std::isnan(from_fp8_e5m2(b))) REQUIRE(to_fp8_e5m2(from_fp8_e5m2(b)) == b);
  }
  for (int i = 0; i < 0x10000; ++i) {
    const auto h = static_cast<std::uint16_t>(i);
    if (!std::isnan(from_half(h))) REQUIRE(to_half(from_half(h)) == h);
  }
  REQUIRE(from_fp8_e4m3(0x7E) == 448.0F);    // largest of E4M3
  REQUIRE(from_fp8_e5m2(0x7B) == 57344.0F);  // largest of E5M2
  REQUIRE(to_fp8_e4m3(1e9F) == 0x7E);
}

TEST_CASE("round to nearest is within half a step of its group, and carries 4 bytes a group") {
  // Normal numbers lie within +-6: a step is at most 12 / (2^bits - 1); its fp16 rounding, and that
  // of the zero, add 2^-11 of the numbers they stand for.
  for (const int bits : {1, 2, 3, 4, 8}) {
    const double step = 12.0 / ((1 << bits) - 1);
    const auto allowed = [&](auto, auto, double) { return step / 2 + 12 * std::ldexp(1, -11); };
    const std::string b = std::to_string(bits);
    const std::size_t packed = 64 * 128 * static_cast<std::size_t>(bits) / 8;
    REQUIRE(require_codec_within("{kind: rtn, per: token, bits: " + b + "}", 64, 128, allowed) ==
            packed + 64 * 4);
    REQUIRE(require_codec_within("{kind: rtn, per: token, group: 32, bits: " + b + "}", 64, 128,
                                 allowed) == packed + 64 * 4 * 4);
    REQUIRE(require_codec_within("{kind: rtn, per: channel, group: 64, bits: " + b + "}", 64, 128,
                                 allowed) == packed + 128 * 4);
  }
}

TEST_CASE("a group that does not divide the head is a mistake") {
  REQUIRE_THROWS_AS(
      require_codec_within("{kind: rtn, group: 48}", 4, 64, [](auto, auto, double) { return 1; }),
      BuildError);
  REQUIRE_THROWS_AS(
      require_codec_within("{kind: rtn, group: 128}", 4, 64, [](auto, auto, double) { return 1; }),
      BuildError);
}

}  // namespace terrace
