// Physical quantities as types: a byte is not a second, and bytes per second times seconds are
// bytes. Values are doubles in base units (B, s, J, FLOP, USD); the event clock is Time, in integer
// picoseconds.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace terrace {

// Exponents of byte, second, joule, FLOP and US dollar.
template <int B, int S, int J, int F, int D>
class Quantity {
 public:
  constexpr Quantity() = default;
  constexpr explicit Quantity(double value) : value_(value) {}
  constexpr double value() const { return value_; }

  constexpr Quantity& operator+=(Quantity o) {
    value_ += o.value_;
    return *this;
  }
  constexpr Quantity& operator-=(Quantity o) {
    value_ -= o.value_;
    return *this;
  }
  constexpr Quantity& operator*=(double k) {
    value_ *= k;
    return *this;
  }
  friend constexpr Quantity operator+(Quantity a, Quantity b) { return a += b; }
  friend constexpr Quantity operator-(Quantity a, Quantity b) { return a -= b; }
  friend constexpr Quantity operator-(Quantity a) { return Quantity(-a.value_); }
  friend constexpr Quantity operator*(Quantity a, double k) { return a *= k; }
  friend constexpr Quantity operator*(double k, Quantity a) { return a *= k; }
  friend constexpr Quantity operator/(Quantity a, double k) { return Quantity(a.value_ / k); }
  friend constexpr bool operator==(Quantity a, Quantity b) { return a.value_ == b.value_; }
  friend constexpr bool operator!=(Quantity a, Quantity b) { return a.value_ != b.value_; }
  friend constexpr bool operator<(Quantity a, Quantity b) { return a.value_ < b.value_; }
  friend constexpr bool operator>(Quantity a, Quantity b) { return a.value_ > b.value_; }
  friend constexpr bool operator<=(Quantity a, Quantity b) { return a.value_ <= b.value_; }
  friend constexpr bool operator>=(Quantity a, Quantity b) { return a.value_ >= b.value_; }

 private:
  double value_ = 0;
};

template <int B, int S, int J, int F, int D, int b, int s, int j, int f, int d>
constexpr auto operator*(Quantity<B, S, J, F, D> x, Quantity<b, s, j, f, d> y) {
  return Quantity<B + b, S + s, J + j, F + f, D + d>(x.value() * y.value());
}
template <int B, int S, int J, int F, int D, int b, int s, int j, int f, int d>
constexpr auto operator/(Quantity<B, S, J, F, D> x, Quantity<b, s, j, f, d> y) {
  return Quantity<B - b, S - s, J - j, F - f, D - d>(x.value() / y.value());
}
template <int B, int S, int J, int F, int D>
constexpr double ratio(Quantity<B, S, J, F, D> a, Quantity<B, S, J, F, D> b) {
  return a.value() / b.value();
}

using Bytes = Quantity<1, 0, 0, 0, 0>;
using Seconds = Quantity<0, 1, 0, 0, 0>;
using Joules = Quantity<0, 0, 1, 0, 0>;
using Flops = Quantity<0, 0, 0, 1, 0>;
using Dollars = Quantity<0, 0, 0, 0, 1>;
using PerSecond = Quantity<0, -1, 0, 0, 0>;
using BytesPerSecond = Quantity<1, -1, 0, 0, 0>;
using FlopsPerSecond = Quantity<0, -1, 0, 1, 0>;
using Watts = Quantity<0, -1, 1, 0, 0>;
using JoulesPerByte = Quantity<-1, 0, 1, 0, 0>;
using JoulesPerFlop = Quantity<0, 0, 1, -1, 0>;
using DollarsPerSecond = Quantity<0, -1, 0, 0, 1>;

// A point or span on the event clock, in picoseconds; 2^63 ps are 106 days.
class Time {
 public:
  constexpr Time() = default;
  static constexpr Time ps(std::int64_t n) { return Time(n); }
  static constexpr Time never() { return Time(std::numeric_limits<std::int64_t>::max()); }
  static Time nearest(Seconds s) { return Time(std::llround(s.value() * 1e12)); }
  static Time at_least(Seconds s) {
    return Time(static_cast<std::int64_t>(std::ceil(s.value() * 1e12)));
  }

  constexpr std::int64_t ps() const { return ps_; }
  constexpr double seconds() const { return static_cast<double>(ps_) * 1e-12; }
  constexpr Seconds span() const { return Seconds(seconds()); }

  constexpr Time& operator+=(Time o) {
    ps_ += o.ps_;
    return *this;
  }
  constexpr Time& operator-=(Time o) {
    ps_ -= o.ps_;
    return *this;
  }
  friend constexpr Time operator+(Time a, Time b) { return a += b; }
  friend constexpr Time operator-(Time a, Time b) { return a -= b; }
  friend constexpr Time operator*(Time a, std::int64_t n) { return Time(a.ps_ * n); }
  friend constexpr bool operator==(Time a, Time b) { return a.ps_ == b.ps_; }
  friend constexpr bool operator!=(Time a, Time b) { return a.ps_ != b.ps_; }
  friend constexpr bool operator<(Time a, Time b) { return a.ps_ < b.ps_; }
  friend constexpr bool operator>(Time a, Time b) { return a.ps_ > b.ps_; }
  friend constexpr bool operator<=(Time a, Time b) { return a.ps_ <= b.ps_; }
  friend constexpr bool operator>=(Time a, Time b) { return a.ps_ >= b.ps_; }

 private:
  constexpr explicit Time(std::int64_t n) : ps_(n) {}
  std::int64_t ps_ = 0;
};

}  // namespace terrace
