// Parses and prints quantities. Units are decimal exponents and exact factors, so that "0.1ns" is
// the double nearest to 1e-10 and not a product of two roundings.
#include "sim/quantity_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

#include "sim/suggest.h"

namespace terrace {
namespace {

struct Unit {
  const char* name;
  int exponent = 0;     // decimal
  double times = 1;     // exact: powers of two, 60, 3600
  double per = 1;       // divides
  bool printed = true;  // false: only read
};

struct Table {
  const char* name;
  const char* examples;
  std::vector<Unit> units;  // the base unit first
};

constexpr double Ki = 1024, Mi = Ki * Ki, Gi = Mi * Ki, Ti = Gi * Ki, Pi = Ti * Ki;

// clang-format off
template <class Q>
const Table& table();

template <>
const Table& table<Bytes>() {
  static const Table t = {"bytes", "64KiB, 80GB",
      {{"B"}, {"kB", 3}, {"KB", 3, 1, 1, false}, {"MB", 6}, {"GB", 9}, {"TB", 12}, {"PB", 15},
       {"KiB", 0, Ki}, {"MiB", 0, Mi}, {"GiB", 0, Gi}, {"TiB", 0, Ti}, {"PiB", 0, Pi}}};
  return t;
}
template <>
const Table& table<BytesPerSecond>() {
  static const Table t = {"bytes per second", "819GB/s, 64GiB/s",
      {{"B/s"}, {"kB/s", 3}, {"KB/s", 3, 1, 1, false}, {"MB/s", 6}, {"GB/s", 9}, {"TB/s", 12},
       {"PB/s", 15}, {"KiB/s", 0, Ki}, {"MiB/s", 0, Mi}, {"GiB/s", 0, Gi}, {"TiB/s", 0, Ti},
       {"Mbit/s", 6, 1, 8, false}, {"Gbit/s", 9, 1, 8, false}, {"Tbit/s", 12, 1, 8, false}}};
  return t;
}
template <>
const Table& table<Seconds>() {
  static const Table t = {"time", "14ns, 2.5ms",
      {{"s"}, {"ps", -12}, {"ns", -9}, {"us", -6}, {"ms", -3}, {"min", 0, 60}, {"h", 0, 3600}}};
  return t;
}
template <>
const Table& table<Time>() {
  return table<Seconds>();
}
template <>
const Table& table<PerSecond>() {
  static const Table t = {"rate", "20/s, 1.98GHz",
      {{"/s"}, {"/min", 0, 1, 60}, {"/h", 0, 1, 3600}, {"Hz", 0, 1, 1, false},
       {"kHz", 3, 1, 1, false}, {"MHz", 6}, {"GHz", 9}}};
  return t;
}
template <>
const Table& table<Flops>() {
  static const Table t = {"floating-point operations", "2GFLOP, 1.5TFLOP",
      {{"FLOP"}, {"kFLOP", 3}, {"MFLOP", 6}, {"GFLOP", 9}, {"TFLOP", 12}, {"PFLOP", 15},
       {"EFLOP", 18}}};
  return t;
}
template <>
const Table& table<FlopsPerSecond>() {
  static const Table t = {"floating-point operations per second", "989TFLOP/s, 67GFLOP/s",
      {{"FLOP/s"}, {"kFLOP/s", 3}, {"MFLOP/s", 6}, {"GFLOP/s", 9}, {"TFLOP/s", 12},
       {"PFLOP/s", 15}, {"EFLOP/s", 18}}};
  return t;
}
template <>
const Table& table<Joules>() {
  static const Table t = {"energy", "15pJ, 2.5J",
      {{"J"}, {"fJ", -15}, {"pJ", -12}, {"nJ", -9}, {"uJ", -6}, {"mJ", -3}, {"kJ", 3}, {"MJ", 6},
       {"Wh", 0, 3600, 1, false}, {"kWh", 3, 3600}}};
  return t;
}
template <>
const Table& table<Watts>() {
  static const Table t = {"power", "700W, 35mW",
      {{"W"}, {"nW", -9}, {"uW", -6}, {"mW", -3}, {"kW", 3}, {"MW", 6}}};
  return t;
}
template <>
const Table& table<JoulesPerByte>() {
  static const Table t = {"energy per byte", "31.2pJ/B, 3.9pJ/bit",
      {{"J/B"}, {"fJ/B", -15}, {"pJ/B", -12}, {"nJ/B", -9}, {"uJ/B", -6},
       {"fJ/bit", -15, 8}, {"pJ/bit", -12, 8}, {"nJ/bit", -9, 8}}};
  return t;
}
template <>
const Table& table<JoulesPerFlop>() {
  static const Table t = {"energy per floating-point operation", "0.5pJ/FLOP, 12fJ/FLOP",
      {{"J/FLOP"}, {"fJ/FLOP", -15}, {"pJ/FLOP", -12}, {"nJ/FLOP", -9}, {"uJ/FLOP", -6}}};
  return t;
}
template <>
const Table& table<Dollars>() {
  static const Table t = {"money", "25000USD, 4.5kUSD", {{"USD"}, {"kUSD", 3}, {"MUSD", 6}}};
  return t;
}
template <>
const Table& table<DollarsPerSecond>() {
  static const Table t = {"money per time", "2.5USD/h, 60USD/day",
      {{"USD/s"}, {"USD/h", 0, 1, 3600}, {"USD/day", 0, 1, 86400}}};
  return t;
}
// clang-format on

const std::vector<const Table*>& tables() {
  static const std::vector<const Table*> all = {
      &table<Bytes>(),         &table<BytesPerSecond>(), &table<Seconds>(),
      &table<PerSecond>(),     &table<Flops>(),          &table<FlopsPerSecond>(),
      &table<Joules>(),        &table<Watts>(),          &table<JoulesPerByte>(),
      &table<JoulesPerFlop>(), &table<Dollars>(),        &table<DollarsPerSecond>()};
  return all;
}

const Unit* find_unit(const Table& t, std::string_view name) {
  for (const Unit& u : t.units)
    if (name == u.name) return &u;
  return nullptr;
}

std::string wrong_unit(const Table& t, const std::string& unit) {
  for (const Table* other : tables())
    if (other != &t && find_unit(*other, unit))
      return fmt::format("unit \"{}\" is {}, not {}; e.g. {}", unit, other->name, t.name,
                         t.examples);
  const std::string start = fmt::format("unknown unit \"{}\"; e.g. {}", unit, t.examples);
  const auto bit = unit.find("b/s");  // Gb/s: a bit or a byte? Never guess a factor of eight.
  if (&t == &table<BytesPerSecond>() && bit != std::string::npos) {
    const std::string prefix = unit.substr(0, bit);
    return start + fmt::format(". write {0}bit/s for bits or {0}B/s for bytes", prefix);
  }
  std::vector<std::string> names;
  for (const Unit& u : t.units) names.emplace_back(u.name);
  return start + did_you_mean(unit, names);
}

std::string shortest(double v) {
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, v).ptr;
  return std::string(buffer, end);
}

// The number in front of a text and the unit behind it.
bool split(std::string_view text, const Table& t, std::string_view& number, std::string_view& unit,
           std::string& why) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  std::size_t i = !text.empty() && text[0] == '-' ? 1 : 0;
  const bool starts =
      i < text.size() &&
      (is_digit(text[i]) || (text[i] == '.' && i + 1 < text.size() && is_digit(text[i + 1])));
  double ignored = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), ignored);
  if (!starts || parsed.ec == std::errc::invalid_argument) {
    why = fmt::format("\"{}\" is not a number with a unit; e.g. {}", text, t.examples);
    return false;
  }
  const auto length = static_cast<std::size_t>(parsed.ptr - text.data());
  number = text.substr(0, length);
  unit = text.substr(length);
  while (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
  if (!unit.empty()) return true;
  why = fmt::format("missing unit; e.g. {}", t.examples);
  return false;
}

// number * 10^exponent, rounded once.
bool scaled(std::string_view number, int exponent, double& out) {
  const auto e = number.find_first_of("eE");
  long long total = exponent;
  if (e != std::string_view::npos) {
    std::string_view digits = number.substr(e + 1);
    if (!digits.empty() && digits.front() == '+') digits.remove_prefix(1);
    long long written = 0;
    if (std::from_chars(digits.data(), digits.data() + digits.size(), written).ec != std::errc())
      return false;
    if (written > 100000 || written < -100000) return false;
    total += written;
  }
  const std::string text = fmt::format("{}e{}", number.substr(0, e), total);
  const auto r = std::from_chars(text.data(), text.data() + text.size(), out);
  return r.ec == std::errc() && r.ptr == text.data() + text.size() && std::isfinite(out);
}

bool to_base(const Table& t, std::string_view text, double& out, std::string& why,
             int extra_exponent = 0) {
  std::string_view number, name;
  if (!split(text, t, number, name, why)) return false;
  const Unit* unit = find_unit(t, name);
  if (!unit) {
    why = wrong_unit(t, std::string(name));
    return false;
  }
  double v = 0;
  if (scaled(number, unit->exponent + extra_exponent, v)) {
    v = v * unit->times / unit->per;
    if (std::isfinite(v)) {
      out = v == 0 ? 0 : v;  // no negative zero
      return true;
    }
  }
  why = fmt::format("\"{}\" is too large or too small to be represented", text);
  return false;
}

template <class Q>
bool parse_into(std::string_view text, Q& out, std::string& why) {
  double v = 0;
  if (!to_base(table<Q>(), text, v, why)) return false;
  out = Q(v);
  return true;
}

bool parse_into(std::string_view text, Time& out, std::string& why) {
  if (text == "never") {
    out = Time::never();
    return true;
  }
  double ps = 0;
  if (!to_base(table<Time>(), text, ps, why, 12)) return false;
  if (std::abs(ps) < 9007199254740992.0) {  // 2^53 ps are 2.5 hours: every integer is exact
    if (ps != std::floor(ps)) {
      why = fmt::format("\"{}\" is not a whole number of picoseconds, the step of the clock", text);
      return false;
    }
  } else if (std::abs(ps) >= 9.2e18) {
    why = fmt::format("\"{}\" is longer than the clock can count (106 days)", text);
    return false;
  }
  std::string_view number, unit;
  std::int64_t exact = 0;
  if (split(text, table<Time>(), number, unit, why) && unit == "ps" &&
      std::from_chars(number.data(), number.data() + number.size(), exact).ptr ==
          number.data() + number.size())
    out = Time::ps(exact);  // digits beyond 2^53 survive
  else
    out = Time::ps(static_cast<std::int64_t>(ps));
  return true;
}

// Shorter is better; of two equally short texts, the one whose number is between 1 and 1000.
bool is_nicer(const std::string& text, double number, const std::string& best, double best_number) {
  const auto handy = [](double x) { return std::abs(x) >= 1 && std::abs(x) < 1000; };
  if (text.size() != best.size()) return text.size() < best.size();
  return handy(number) && !handy(best_number);
}

// The nicest of the units in which `base`, a count of the base unit, comes back exactly.
template <class Q>
std::string nicest(Q value, double base, int base_exponent, std::string best) {
  double best_number = base;
  for (const Unit& u : table<Q>().units) {
    if (!u.printed) continue;
    const int exponent = u.exponent - base_exponent;
    const double power = std::pow(10.0, std::abs(exponent));  // exact, unlike 1e-12
    const double number = (exponent < 0 ? base * power : base / power) * u.per / u.times;
    const std::string text = shortest(number) + u.name;
    Q back;
    std::string why;
    if (!is_nicer(text, number, best, best_number)) continue;
    if (!parse_into(text, back, why) || back != value) continue;
    best = text;
    best_number = number;
  }
  return best;
}

template <class Q>
std::string print(Q value) {
  const double v = value.value();
  const std::string unit = table<Q>().units.front().name;
  return v == 0 ? "0" + unit : nicest(value, v, 0, shortest(v) + unit);
}

std::string print(Time value) {
  if (value == Time::never()) return "never";
  if (value == Time()) return "0s";
  return nicest(value, static_cast<double>(value.ps()), -12, std::to_string(value.ps()) + "ps");
}

}  // namespace

std::string number_text(double value) {
  const std::string text = shortest(value);
  return text.find_first_not_of("-0123456789") == std::string::npos ? text + ".0" : text;
}

template <class Q>
bool parse(std::string_view text, Q& out, std::string& why) {
  return parse_into(text, out, why);
}
template <class Q>
std::string to_text(Q value) {
  return print(value);
}
template <class Q>
std::string unit_examples() {
  return table<Q>().examples;
}
template <class Q>
std::string quantity_name() {
  return table<Q>().name;
}
template <class Q>
std::vector<std::string> unit_names() {
  std::vector<std::string> names;
  for (const Unit& u : table<Q>().units) names.emplace_back(u.name);
  return names;
}
template <class Q>
std::string unit_pattern() {
  const std::string never = std::is_same_v<Q, Time> ? "never|" : "";
  return fmt::format("^({}-?[0-9]*\\.?[0-9]+([eE][-+]?[0-9]+)? *({}))$", never,
                     fmt::join(unit_names<Q>(), "|"));
}

#define TERRACE_QUANTITY(Q)                                   \
  template bool parse<Q>(std::string_view, Q&, std::string&); \
  template std::string to_text<Q>(Q);                         \
  template std::string unit_examples<Q>();                    \
  template std::string quantity_name<Q>();                    \
  template std::vector<std::string> unit_names<Q>();          \
  template std::string unit_pattern<Q>();
TERRACE_QUANTITY(Bytes)
TERRACE_QUANTITY(Seconds)
TERRACE_QUANTITY(Joules)
TERRACE_QUANTITY(Flops)
TERRACE_QUANTITY(Dollars)
TERRACE_QUANTITY(PerSecond)
TERRACE_QUANTITY(BytesPerSecond)
TERRACE_QUANTITY(FlopsPerSecond)
TERRACE_QUANTITY(Watts)
TERRACE_QUANTITY(JoulesPerByte)
TERRACE_QUANTITY(JoulesPerFlop)
TERRACE_QUANTITY(DollarsPerSecond)
TERRACE_QUANTITY(Time)
#undef TERRACE_QUANTITY

}  // namespace terrace
