// Exact reading of counts, decimal times and dates.
#include "workloads/requests/trace/numbers.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "workloads/requests/trace/trace_text.h"

namespace terrace {
namespace {

constexpr TracePs ps_per_second = 1'000'000'000'000;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Digits at the front of `text`, which loses them. False when there are none or too many.
bool take_digits(std::string_view& text, std::size_t least, std::size_t most, std::int64_t& out) {
  std::size_t n = 0;
  out = 0;
  for (; n < text.size() && is_digit(text[n]); ++n) {
    if (n == most) return false;
    out = out * 10 + (text[n] - '0');
  }
  text.remove_prefix(n);
  return n >= least;
}

bool take(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text[0]) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

TracePs power_of_ten(int n) {
  TracePs p = 1;
  while (n-- > 0) p *= 10;
  return p;
}

// Days from 1970-01-01: years that start in March put the leap day last.
std::int64_t days_from_civil(std::int64_t year, std::int64_t month, std::int64_t day) {
  const std::int64_t y = month <= 2 ? year - 1 : year, m = (month + 9) % 12;
  return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

std::int64_t days_in_month(std::int64_t year, std::int64_t month) {
  constexpr std::array<int, 12> days = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return days[static_cast<std::size_t>(month - 1)] + (month == 2 && leap ? 1 : 0);
}

// The fraction of a second, its first twelve digits.
bool take_fraction(std::string_view& text, TracePs& ps) {
  TracePs unit = ps_per_second;
  if (text.empty() || !is_digit(text[0])) return false;
  for (; !text.empty() && is_digit(text[0]); text.remove_prefix(1))
    ps += (unit /= 10) * (text[0] - '0');
  return true;
}

// "Z" or "+05:30"; `seconds` east of UTC.
bool take_offset(std::string_view& text, std::int64_t& seconds) {
  if (take(text, "Z")) return true;
  const std::int64_t sign = text.empty() ? 0 : text[0] == '+' ? 1 : text[0] == '-' ? -1 : 0;
  if (sign == 0) return false;
  text.remove_prefix(1);
  std::int64_t hours = 0, minutes = 0;
  if (!take_digits(text, 2, 2, hours) || !take(text, ":") || !take_digits(text, 2, 2, minutes))
    return false;
  seconds = sign * (hours * 3600 + minutes * 60);
  return hours < 24 && minutes < 60;
}

}  // namespace

bool parse_count(std::string_view text, std::int64_t low, std::int64_t high, std::int64_t& out,
                 std::string& why) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = end == text.data() + text.size();
  if (error == std::errc::invalid_argument || (error == std::errc() && !whole)) {
    double fraction = 0;
    std::string ignored;
    why = text.empty()                             ? "empty; expected a whole number"
          : parse_decimal(text, fraction, ignored) ? quote(text) + " is not a whole number"
                                                   : quote(text) + " is not a number";
    return false;
  }
  if (error != std::errc() || value < low || value > high) {
    why = text[0] == '-' && low >= 0 ? fmt::format("{} is negative", text.substr(0, 30))
                                     : fmt::format("{} is out of range; must be between {} and {}",
                                                   text.substr(0, 30), low, high);
    return false;
  }
  out = value;
  return true;
}

bool parse_time(std::string_view text, int exponent, TracePs& out, std::string& why) {
  std::string_view rest = text;
  const bool negative = take(rest, "-");
  std::uint64_t digits = 0;
  int kept = 0, scale = exponent + 12;  // the value is digits * 10^scale picoseconds
  bool any = false, fraction = false;
  for (;; rest.remove_prefix(1)) {
    if (rest.empty()) break;
    if (rest[0] == '.' && !fraction) {
      fraction = true;
      continue;
    }
    if (!is_digit(rest[0])) break;
    any = true;
    if (kept == 19) {  // full: further digits only move the point
      if (!fraction) ++scale;
      continue;
    }
    digits = digits * 10 + static_cast<std::uint64_t>(rest[0] - '0');
    if (digits > 0) ++kept;
    if (fraction) --scale;
  }
  if (any && take(rest, "eE")) {
    const bool down = take(rest, "-");
    if (!down) take(rest, "+");
    std::int64_t power = 0;
    any = take_digits(rest, 1, 3, power);
    scale += static_cast<int>(down ? -power : power);
  }
  if (!any || !rest.empty()) {
    why = text.empty() ? "empty; expected a time" : quote(text) + " is not a number";
    return false;
  }
  if (negative && digits > 0) {
    why = fmt::format("{} is negative", text.substr(0, 30));
    return false;
  }
  if (digits > 0 && kept + scale > 31) {
    why = fmt::format("{} is out of range", text.substr(0, 30));
    return false;
  }
  out = scale >= 0    ? (digits > 0 ? digits * power_of_ten(scale) : 0)
        : scale < -19 ? 0
                      : digits / power_of_ten(-scale);
  return true;
}

bool parse_date_time(std::string_view text, TracePs& out, std::string& why) {
  std::string_view rest = text;
  std::int64_t year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, east = 0;
  TracePs fraction = 0;
  bool good = take_digits(rest, 4, 4, year) && take(rest, "-") && take_digits(rest, 2, 2, month) &&
              take(rest, "-") && take_digits(rest, 2, 2, day) && take(rest, " T") &&
              take_digits(rest, 2, 2, hour) && take(rest, ":") && take_digits(rest, 2, 2, minute) &&
              take(rest, ":") && take_digits(rest, 2, 2, second);
  good = good && (!take(rest, ".") || take_fraction(rest, fraction));
  good = good && (rest.empty() || (take_offset(rest, east) && rest.empty()));
  if (!good) {
    why = quote(text) + " is not a date and time such as 2023-11-16 18:15:46.6805900";
    return false;
  }
  if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) || hour > 23 ||
      minute > 59 || second > 60) {
    why = quote(text) + " is not in the calendar";
    return false;
  }
  const std::int64_t seconds =
      days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - east;
  out = seconds * ps_per_second + fraction;
  return true;
}

bool parse_decimal(std::string_view text, double& out, std::string& why) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    why = text.empty() ? "empty; expected a number" : quote(text) + " is not a number";
    return false;
  }
  out = value;
  return true;
}

}  // namespace terrace
