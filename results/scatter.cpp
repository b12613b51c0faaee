// Colours are those of Okabe and Ito (2008), safe for colour-blind readers.
#include "results/scatter.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

namespace terrace {
namespace {

const char* const colours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                               "#e69f00", "#56b4e9", "#000000", "#8a7a00"};
constexpr double side = 440, left = 76, top = 40, legend = 170, below = 55;

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else
      out += c;
  }
  return out;
}

// Values to [0, 1], and the values that get a line.
class Scale {
 public:
  Scale(bool log, double low, double high) : log_(log) {
    if (!(low <= high)) low = log ? 1 : 0, high = log ? 10 : 1;
    if (log) {
      low_ = std::floor(std::log10(low));
      high_ = std::max(low_ + 1, std::ceil(std::log10(high)));
      const double step = high_ - low_ > 8 ? 2 : 1;
      for (double p = low_; p <= high_; p += step) ticks_.push_back(std::pow(10, p));
      return;
    }
    if (high == low) high = low + 1;
    // A step of 1, 2 or 5 times a power of ten gives four to ten lines.
    const double power = std::pow(10, std::floor(std::log10((high - low) / 4)));
    double step = power;
    for (const double times : {2.0, 5.0, 10.0})
      if ((high - low) / step > 8) step = times * power;
    low_ = step * std::floor(low / step);
    high_ = step * std::ceil(high / step);
    for (double n = 0; low_ + n * step <= high_ + step / 2; ++n) ticks_.push_back(low_ + n * step);
  }
  bool shows(double value) const { return std::isfinite(value) && (!log_ || value > 0); }
  double at(double value) const {
    return ((log_ ? std::log10(value) : value) - low_) / (high_ - low_);
  }
  double value(double at) const {
    const double v = low_ + at * (high_ - low_);
    return log_ ? std::pow(10, v) : v;
  }
  const std::vector<double>& ticks() const { return ticks_; }
  std::string name(double tick) const {
    if (log_ && (tick > 9999 || tick < 0.01)) return fmt::format("1e{:.0f}", std::log10(tick));
    return fmt::format("{:g}", std::fabs(tick) < 1e-12 ? 0.0 : tick);
  }

 private:
  bool log_;
  double low_ = 0, high_ = 1;
  std::vector<double> ticks_;
};

Scale scale_of(const Scatter& s, bool vertical) {
  const bool log = (vertical ? s.y : s.x).log;
  double low = std::numeric_limits<double>::infinity(), high = -low;
  const auto see = [&](double v) {
    if (!std::isfinite(v) || (log && v <= 0)) return;
    low = std::min(low, v);
    high = std::max(high, v);
  };
  for (const ScatterSeries& series : s.series)
    for (const ScatterPoint& p : series.points) {
      if (vertical || s.diagonal) see(p.y);
      if (!vertical || s.diagonal) see(p.x);
    }
  return {log, low, high};
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

struct Panel {
  const Scatter& of;
  std::size_t most;
  Scale x = scale_of(of, false), y = scale_of(of, true);
  std::size_t hidden = 0;
  struct Box {
    double x, y, wide, high;
  };
  std::vector<Box> placed = {};

  double across(double v) const { return side * x.at(v); }
  double up(double v) const { return side - side * y.at(v); }

  // y = factor x, as far as the frame goes.
  std::string slope(double factor, const char* style) const {
    std::string path;
    constexpr int steps = 64;
    for (int i = 0; i <= steps; ++i) {
      const double at = static_cast<double>(i) / steps, v = factor * x.value(at);
      if (!y.shows(v) || y.at(v) < 0 || y.at(v) > 1) continue;
      path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", side * at, up(v));
    }
    return fmt::format("<path d=\"{}\" fill=\"none\" {}/>\n", path, style);
  }

  std::string frame() const {
    std::string out;
    for (const double tick : x.ticks()) {
      out += line(across(tick), 0, across(tick), side, "stroke=\"#ddd\"");
      out += text(across(tick), side + 18, "middle", x.name(tick));
    }
    for (const double tick : y.ticks()) {
      out += line(0, up(tick), side, up(tick), "stroke=\"#ddd\"");
      out += text(-8, up(tick) + 4, "end", y.name(tick));
    }
    if (of.diagonal) {
      out += slope(1, "stroke=\"#555\"");
      for (const double factor : {0.8, 1.2})
        out += slope(factor, "stroke=\"#555\" stroke-dasharray=\"4 4\"");
    }
    out +=
        fmt::format("<rect width=\"{0}\" height=\"{0}\" fill=\"none\" stroke=\"#555\"/>\n", side);
    out += text(side / 2, side + 42, "middle", escaped(of.x.label));
    out += text(0, 0, "middle", escaped(of.y.label),
                fmt::format(" transform=\"translate(-52 {}) rotate(-90)\"", side / 2).c_str());
    return out;
  }

  // Beside its point, where no other label is; nothing where all four places are taken.
  std::string label(double px, double py, const std::string& words) {
    const double wide = 5.6 * static_cast<double>(words.size()), high = 11;
    for (const double down : {-4.0, 12.0})
      for (const bool right : {true, false}) {
        const Box box{right ? px + 6 : px - 6 - wide, py + down - high, wide, high};
        const bool inside = box.x >= 0 && box.x + wide <= side + legend / 2 && box.y >= 0;
        if (!inside || std::any_of(placed.begin(), placed.end(), [&](const Box& o) {
              return box.x < o.x + o.wide && o.x < box.x + box.wide && box.y < o.y + o.high &&
                     o.y < box.y + box.high;
            }))
          continue;
        placed.push_back(box);
        return text(right ? px + 6 : px - 6, py + down, right ? "start" : "end", escaped(words),
                    " font-size=\"10\"");
      }
    return "";
  }

  std::string drawn(const ScatterSeries& series, const char* colour) {
    const std::size_t step = std::max<std::size_t>(1, (series.points.size() + most - 1) / most);
    std::string dots, joined, labels;
    for (std::size_t i = 0; i < series.points.size(); i += step) {
      const ScatterPoint& p = series.points[i];
      if (!x.shows(p.x) || !y.shows(p.y)) {
        ++hidden;
        continue;
      }
      const double px = across(p.x), py = up(p.y);
      dots += fmt::format("M{:.1f} {:.1f}h0", px, py);
      if (series.joined)
        joined += fmt::format("{}{:.1f} {:.1f}", joined.empty() ? "M" : "L", px, py);
      if (!p.label.empty()) labels += label(px, py, p.label);
    }
    std::string out;
    if (!joined.empty())
      out += fmt::format("<path d=\"{}\" fill=\"none\" stroke=\"{}\"/>\n", joined, colour);
    out += fmt::format(
        "<path d=\"{}\" stroke=\"{}\" stroke-width=\"{}\" stroke-linecap=\"round\" "
        "stroke-opacity=\"{}\" fill=\"none\"/>\n",
        dots, colour, series.points.size() > 200 ? 3 : 6, series.points.size() > 200 ? 0.45 : 0.8);
    return out + labels;
  }

  std::string svg() {
    std::string out = frame();
    std::size_t n = 0;
    for (const ScatterSeries& series : of.series) {
      const char* colour = colours[n % std::size(colours)];
      const double at = 12 + 20 * static_cast<double>(n++);
      out += drawn(series, colour);
      if (series.name.empty()) continue;
      out +=
          fmt::format("<circle cx=\"{}\" cy=\"{}\" r=\"4\" fill=\"{}\"/>\n", side + 14, at, colour);
      out += text(side + 24, at + 4, "start", escaped(series.name));
    }
    const std::string title =
        hidden > 0 ? fmt::format("{} ({} points not shown)", of.title, hidden) : of.title;
    return out + text(side / 2, -14, "middle", escaped(title), " font-weight=\"bold\"");
  }
};

}  // namespace

std::string svg_of(const std::vector<Scatter>& panels, std::size_t most) {
  const double pitch = left + side + legend, width = pitch * static_cast<double>(panels.size()),
               height = top + side + below;
  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} "
      "{1}\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" "
      "fill=\"white\"/>\n",
      width, height);
  double across = left;
  for (const Scatter& panel : panels) {
    out += fmt::format("<g transform=\"translate({} {})\">\n{}</g>\n", across, top,
                       Panel{panel, most}.svg());
    across += pitch;
  }
  return out + "</svg>\n";
}

}  // namespace terrace
