// Tests of quantities as text: exact, strict about units, and lossless there and back.
#include "sim/quantity_text.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

using namespace terrace;

namespace {

template <class Q>
Q parsed(const std::string& text) {
  Q q;
  std::string why;
  INFO(text);
  const bool ok = parse(text, q, why);
  INFO(why);
  REQUIRE(ok);
  return q;
}

template <class Q>
std::string refused(const std::string& text) {
  Q q;
  std::string why;
  INFO(text);
  REQUIRE_FALSE(parse(text, q, why));
  return why;
}

template <class Q>
void random_values_survive(double largest_exponent) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 4000; ++i) {
    double v = std::pow(
        10.0, std::uniform_real_distribution<>(-largest_exponent, largest_exponent)(random));
    if (i % 3 == 0) v = std::round(v);
    if (i % 5 == 0) v = -v;
    const std::string text = to_text(Q(v));
    INFO(text);
    REQUIRE(parsed<Q>(text).value() == v);
  }
}

}  // namespace

TEST_CASE("every unit of the brief is read", "[quantity_text]") {
  CHECK(parsed<Bytes>("64KiB") == Bytes(65536));
  CHECK(parsed<Bytes>("3 B") == Bytes(3));
  CHECK(parsed<Bytes>("1kB") == parsed<Bytes>("1KB"));
  CHECK(parsed<Bytes>("80GB") == Bytes(80e9));
  CHECK(parsed<Bytes>("1.5TiB") == Bytes(1.5 * 1099511627776.0));
  CHECK(parsed<Bytes>("2PB") == Bytes(2e15));
  CHECK(parsed<BytesPerSecond>("819GB/s") == BytesPerSecond(819e9));
  CHECK(parsed<BytesPerSecond>("1GiB/s") == BytesPerSecond(1073741824.0));
  CHECK(parsed<BytesPerSecond>("400Gbit/s") == BytesPerSecond(50e9));
  CHECK(parsed<Flops>("2GFLOP") == Flops(2e9));
  CHECK(parsed<FlopsPerSecond>("989TFLOP/s") == FlopsPerSecond(989e12));
  CHECK(parsed<Watts>("35mW") == Watts(0.035));
  CHECK(parsed<JoulesPerByte>("3.9pJ/bit").value() == Approx(31.2e-12));
  CHECK(parsed<JoulesPerByte>("1pJ/bit") == JoulesPerByte(8e-12));
  CHECK(parsed<JoulesPerFlop>("0.5pJ/FLOP") == JoulesPerFlop(0.5e-12));
  CHECK(parsed<DollarsPerSecond>("3.6USD/h") == DollarsPerSecond(0.001));
  CHECK(parsed<Dollars>("25kUSD") == Dollars(25000));
  CHECK(parsed<Joules>("15pJ") == Joules(15e-12));
  CHECK(parsed<PerSecond>("90/min") == PerSecond(1.5));
  CHECK(parsed<PerSecond>("20/s") == PerSecond(20));
  CHECK(parsed<PerSecond>("1.98GHz") == PerSecond(1.98e9));
  CHECK(parsed<Seconds>("0.1ns") == Seconds(1e-10));
  CHECK(parsed<Seconds>("1.5h") == Seconds(5400));
  CHECK(parsed<Time>("14ns") == Time::ps(14000));
  CHECK(parsed<Time>("0.833ns") == Time::ps(833));
  CHECK(parsed<Time>("2min") == Time::ps(120'000'000'000'000));
  CHECK(parsed<Time>("9007199254740993ps") == Time::ps(9007199254740993));
  CHECK(parsed<Bytes>("-3B") == Bytes(-3));
  CHECK(parsed<Bytes>("1e3B") == Bytes(1000));
}

TEST_CASE("a bare number has no unit, not even zero", "[quantity_text]") {
  CHECK(refused<Bytes>("64") == "missing unit; e.g. 64KiB, 80GB");
  CHECK(refused<Bytes>("0") == "missing unit; e.g. 64KiB, 80GB");
  CHECK(refused<Time>("1e3") == "missing unit; e.g. 14ns, 2.5ms");
}

TEST_CASE("a wrong unit is answered with the right one", "[quantity_text]") {
  CHECK(refused<Bytes>("64kib") == "unknown unit \"kib\"; e.g. 64KiB, 80GB. did you mean \"KiB\"?");
  CHECK(refused<Bytes>("14ns") == "unit \"ns\" is time, not bytes; e.g. 64KiB, 80GB");
  CHECK(refused<BytesPerSecond>("819GB") ==
        "unit \"GB\" is bytes, not bytes per second; e.g. 819GB/s, 64GiB/s");
  CHECK(refused<BytesPerSecond>("400Gb/s") ==
        "unknown unit \"Gb/s\"; e.g. 819GB/s, 64GiB/s. write Gbit/s for bits or GB/s for bytes");
}

TEST_CASE("what is no finite number is refused", "[quantity_text]") {
  for (const char* text : {"",
                           "nan",
                           "inf",
                           "-inf",
                           "nanB",
                           "infB",
                           "KiB",
                           "-",
                           "- 3B",
                           "--3B",
                           ".B",
                           "1.2.3B",
                           "0x10B",
                           "1_000B",
                           "1,5B",
                           "3BB",
                           "3B B",
                           "+3B",
                           " 3B",
                           "1e400B",
                           "1e309B",
                           "1e306KiB",
                           "1e99999999999999999999B",
                           "1e-400B"})
    refused<Bytes>(text);
  CHECK(refused<Bytes>("fast") == "\"fast\" is not a number with a unit; e.g. 64KiB, 80GB");
  CHECK(refused<Time>("200000h") == "\"200000h\" is longer than the clock can count (106 days)");
}

TEST_CASE("the clock does not count below a picosecond", "[quantity_text]") {
  CHECK(refused<Time>("0.4166ns") ==
        "\"0.4166ns\" is not a whole number of picoseconds, the step of the clock");
}

TEST_CASE("quantities are printed as people write them", "[quantity_text]") {
  CHECK(to_text(Bytes(65536)) == "64KiB");
  CHECK(to_text(Bytes(80e9)) == "80GB");
  CHECK(to_text(Bytes(0)) == "0B");
  CHECK(to_text(Bytes(-0.0)) == "0B");
  CHECK(to_text(Bytes(1000)) == "1kB");
  CHECK(to_text(Bytes(100)) == "100B");
  CHECK(to_text(BytesPerSecond(819e9)) == "819GB/s");
  CHECK(to_text(BytesPerSecond(3.35e12)) == "3.35TB/s");
  CHECK(to_text(FlopsPerSecond(989e12)) == "989TFLOP/s");
  CHECK(to_text(PerSecond(1.98e9)) == "1.98GHz");
  CHECK(to_text(PerSecond(20)) == "20/s");
  CHECK(to_text(PerSecond(0.5)) == "0.5/s");
  CHECK(to_text(Time::ps(14000)) == "14ns");
  CHECK(to_text(Time::ps(833)) == "833ps");
  CHECK(to_text(Time()) == "0s");
  CHECK(to_text(Seconds(3600)) == "1h");
  CHECK(to_text(Seconds(120)) == "120s");
  CHECK(to_text(JoulesPerByte(31.2e-12)) == "31.2pJ/B");
  CHECK(to_text(DollarsPerSecond(2.5 / 3600)) == "2.5USD/h");
  CHECK(to_text(Watts(700)) == "700W");
  CHECK(number_text(1) == "1.0");
  CHECK(number_text(0.1) == "0.1");
}

TEST_CASE("printing and reading a quantity loses nothing", "[quantity_text]") {
  random_values_survive<Bytes>(18);
  random_values_survive<BytesPerSecond>(15);
  random_values_survive<Seconds>(12);
  random_values_survive<PerSecond>(12);
  random_values_survive<Flops>(20);
  random_values_survive<FlopsPerSecond>(20);
  random_values_survive<Joules>(15);
  random_values_survive<Watts>(9);
  random_values_survive<JoulesPerByte>(15);
  random_values_survive<JoulesPerFlop>(15);
  random_values_survive<Dollars>(9);
  random_values_survive<DollarsPerSecond>(9);
  std::mt19937_64 random(7);
  for (int i = 0; i < 4000; ++i) {
    const auto t = Time::ps(static_cast<std::int64_t>(random() >> (1 + i % 63)));
    if (t.ps() >= 9'200'000'000'000'000'000) continue;
    INFO(to_text(t));
    REQUIRE(parsed<Time>(to_text(t)) == t);
  }
  CHECK(parsed<Time>(to_text(Time::never())) == Time::never());
  CHECK(parsed<Bytes>(to_text(Bytes(0.1 + 0.2))) == Bytes(0.1 + 0.2));
}
