// Picks digits and prefixes.
#include "results/human.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace terrace {
namespace {

struct Prefix {
  double size;
  const char* name;
};
struct Style {
  std::string_view unit;         // as in Stat; written behind the prefix
  std::vector<Prefix> prefixes;  // from large to small
};

const std::vector<Prefix> binary = {
    {1099511627776.0, "Ti"}, {1073741824.0, "Gi"}, {1048576.0, "Mi"}, {1024.0, "Ki"}, {1, ""}};
const std::vector<Prefix> large = {{1e18, "E"}, {1e15, "P"}, {1e12, "T"}, {1e9, "G"},
                                   {1e6, "M"},  {1e3, "k"},  {1, ""}};
const std::vector<Prefix> both = {{1e6, "M"},  {1e3, "k"},  {1, ""},     {1e-3, "m"},
                                  {1e-6, "µ"}, {1e-9, "n"}, {1e-12, "p"}};
const std::vector<Prefix> small = {{1, ""}, {1e-3, "m"}, {1e-6, "µ"}, {1e-9, "n"}, {1e-12, "p"}};

const std::vector<Style>& styles() {
  static const std::vector<Style> all = {{"B", binary},   {"B/s", large},   {"s", small},
                                         {"J", both},     {"W", both},      {"J/token", both},
                                         {"FLOP", large}, {"FLOP/s", large}};
  return all;
}

// Digits after the point that leave three in all.
int decimals(double magnitude) {
  if (magnitude >= 99.95) return 0;
  if (magnitude >= 9.995) return 1;
  if (magnitude >= 0.9995) return 2;
  return 3;
}

}  // namespace

std::string human_number(double value) {
  if (std::isnan(value)) return "–";
  if (std::isinf(value)) return value > 0 ? "∞" : "-∞";
  if (value == 0) return "0";
  const double magnitude = std::abs(value);
  if (magnitude >= 1e15 || magnitude < 1e-3) return fmt::format("{:.3g}", value);
  if (magnitude < 0.9995) return fmt::format("{:.3g}", value);
  const bool whole = std::abs(value - std::round(value)) < 1e-9 * magnitude;
  if (whole) return fmt::format("{:.0f}", value);
  return fmt::format("{:.{}f}", value, decimals(magnitude));
}

std::string human(double value, std::string_view unit) {
  if (std::isnan(value)) return "–";
  if (unit == "1" || unit.empty()) return human_number(value);
  if (unit.substr(0, 3) == "USD") {
    return fmt::format("{}${}{}", value < 0 ? "-" : "",
                       std::abs(value) >= 0.01 || value == 0
                           ? fmt::format("{:.2f}", std::abs(value))
                           : human_number(std::abs(value)),
                       unit.substr(3));
  }
  const auto style = std::find_if(styles().begin(), styles().end(),
                                  [&](const Style& s) { return s.unit == unit; });
  if (style == styles().end()) return fmt::format("{} {}", human_number(value), unit);
  if (value == 0 || std::isinf(value)) return fmt::format("{} {}", human_number(value), unit);
  const auto fits =
      std::find_if(style->prefixes.begin(), style->prefixes.end(),
                   [&](const Prefix& p) { return std::abs(value) >= p.size * 0.9995; });
  const Prefix& prefix = fits == style->prefixes.end() ? style->prefixes.back() : *fits;
  return fmt::format("{} {}{}", human_number(value / prefix.size), prefix.name, unit);
}

std::string human_percent(double fraction) {
  return std::isnan(fraction) ? "–" : fmt::format("{:.1f} %", fraction * 100);
}

std::string human_signed_percent(double fraction) {
  if (std::isnan(fraction)) return "–";
  if (std::isinf(fraction)) return fraction > 0 ? "∞" : "-∞";
  return fmt::format("{:+.1f} %", fraction * 100);
}

std::string human_count(double value) {
  if (std::isnan(value)) return "–";
  if (std::abs(value) >= 1e15 || value != std::floor(value)) return human_number(value);
  std::string digits = fmt::format("{:.0f}", std::abs(value));
  for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, ",");
  return value < 0 ? "-" + digits : digits;
}

std::size_t display_width(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string bar(double fraction, std::size_t width) {
  static const char* const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  if (!(fraction > 0)) return "";
  const double filled = std::min(fraction, 1.0) * static_cast<double>(width);
  auto steps = static_cast<std::size_t>(std::lround(filled * 8));
  if (steps == 0) steps = 1;
  std::string out;
  for (std::size_t i = 0; i < steps / 8; ++i) out += "█";
  return out + eighths[steps % 8];
}

}  // namespace terrace
