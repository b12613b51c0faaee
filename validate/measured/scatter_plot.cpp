// Log-log scatter plots written as SVG; colours of Okabe and Ito (2008), safe for colour-blind
// readers.
#include "validate/measured/scatter_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace terrace::validate {
namespace {

const char* const colours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                               "#e69f00", "#56b4e9", "#000000", "#8a7a00"};
constexpr double side = 440, left = 70, top = 40, legend = 150, below = 55;

struct Axis {
  int low = 0, high = 1;  // powers of ten
  double at(double value) const {
    return side * (std::log10(value) - low) / static_cast<double>(high - low);
  }
};

bool fits(const std::pair<float, float>& p) {
  return p.first > 0 && p.second > 0 && std::isfinite(p.first) && std::isfinite(p.second);
}

Axis axis_of(const ScatterPanel& panel) {
  double low = std::numeric_limits<double>::infinity(), high = 0;
  for (const auto& [name, points] : panel.points)
    for (const auto& p : points)
      if (fits(p)) {
        low = std::min<double>({low, p.first, p.second});
        high = std::max<double>({high, p.first, p.second});
      }
  if (high <= 0) return {0, 1};
  Axis axis{static_cast<int>(std::floor(std::log10(low))),
            static_cast<int>(std::ceil(std::log10(high)))};
  axis.high = std::max(axis.high, axis.low + 1);
  return axis;
}

std::string line(double x0, double y0, double x1, double y1, const char* style) {
  return fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" {}/>\n", x0, y0,
                     x1, y1, style);
}

std::string text(double x, double y, const char* anchor, const std::string& words,
                 const char* more = "") {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\"{}>{}</text>\n", x, y,
                     anchor, more, words);
}

// 10^p with a prefix: "100µ", "1", "10k".
std::string power(int p) {
  static const char* const prefixes[] = {"p", "n", "µ", "m", "", "k", "M", "G", "T", "P"};
  const int group = static_cast<int>(std::floor(p / 3.0));
  if (group < -4 || group > 5) return fmt::format("1e{}", p);
  return fmt::format("{:.0f}{}", std::pow(10.0, p - 3 * group), prefixes[group + 4]);
}

std::string frame(const ScatterPanel& panel, const Axis& a) {
  std::string out;
  const int step = a.high - a.low > 8 ? 2 : 1;
  for (int p = a.low; p <= a.high; p += step) {
    const double at = a.at(std::pow(10.0, p));
    out += line(at, 0, at, side, "stroke=\"#ddd\"") +
           line(0, side - at, side, side - at, "stroke=\"#ddd\"");
    out += text(at, side + 18, "middle", power(p)) + text(-8, side - at + 4, "end", power(p));
  }
  out += line(0, side, side, 0, "stroke=\"#555\"");
  for (const double factor : {0.8, 1.2}) {
    const double shift = side * std::log10(factor) / (a.high - a.low);
    out += line(std::max(0.0, -shift), side - std::max(0.0, shift), side - std::max(0.0, shift),
                std::max(0.0, -shift), "stroke=\"#555\" stroke-dasharray=\"4 4\"");
  }
  out += fmt::format("<rect width=\"{0}\" height=\"{0}\" fill=\"none\" stroke=\"#555\"/>\n", side);
  out += text(side / 2, -14, "middle", panel.title, " font-weight=\"bold\"");
  out += text(side / 2, side + 42, "middle", "measured, " + panel.unit);
  out += text(0, 0, "middle", "predicted, " + panel.unit,
              fmt::format(" transform=\"translate(-48 {}) rotate(-90)\"", side / 2).c_str());
  return out;
}

std::string dots(const std::vector<std::pair<float, float>>& points, const Axis& a,
                 std::size_t most, const char* colour) {
  const std::size_t step = std::max<std::size_t>(1, (points.size() + most - 1) / most);
  std::string path;
  for (std::size_t i = 0; i < points.size(); i += step)
    if (fits(points[i]))
      path += fmt::format("M{:.1f} {:.1f}h0", a.at(points[i].first), side - a.at(points[i].second));
  return fmt::format(
      "<path d=\"{}\" stroke=\"{}\" stroke-width=\"3\" stroke-linecap=\"round\" "
      "stroke-opacity=\"0.45\" fill=\"none\"/>\n",
      path, colour);
}

}  // namespace

std::string scatter_svg(const std::vector<ScatterPanel>& panels, std::size_t most) {
  const double pitch = left + side + legend, width = pitch * static_cast<double>(panels.size()),
               height = top + side + below;
  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} "
      "{1}\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" "
      "fill=\"white\"/>\n",
      width, height);
  for (std::size_t i = 0; i < panels.size(); ++i) {
    const Axis axis = axis_of(panels[i]);
    out += fmt::format("<g transform=\"translate({} {})\">\n",
                       pitch * static_cast<double>(i) + left, top);
    out += frame(panels[i], axis);
    std::size_t n = 0;
    for (const auto& [name, points] : panels[i].points) {
      const char* colour = colours[n % std::size(colours)];
      const double y = 12 + 20 * static_cast<double>(n++);
      out += dots(points, axis, most, colour);
      out +=
          fmt::format("<circle cx=\"{}\" cy=\"{}\" r=\"4\" fill=\"{}\"/>\n", side + 14, y, colour);
      out += text(side + 24, y + 4, "start", name);
    }
    out += "</g>\n";
  }
  return out + "</svg>\n";
}

}  // namespace terrace::validate
