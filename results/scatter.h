// A scatter plot as SVG: series of points over linear or logarithmic axes.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace terrace {

struct ScatterPoint {
  double x = 0, y = 0;
  std::string label;  // written beside the point where there is room; empty: none
};

struct ScatterSeries {
  std::string name;
  std::vector<ScatterPoint> points;
  bool joined = false;  // by a line, in the order given
};

struct ScatterAxis {
  std::string label;
  bool log = false;
};

struct Scatter {
  std::string title;
  ScatterAxis x, y;
  std::vector<ScatterSeries> series;
  bool diagonal = false;  // equal axes, with the lines y = x and y = x ± 20 %
};

// Side by side, each with a legend. Of longer series every k-th point is drawn, so that at most
// `most` are. Points that an axis cannot show (not finite, or not above zero on a logarithmic one)
// are left out and counted in the title.
std::string svg_of(const std::vector<Scatter>& panels, std::size_t most = 1200);

}  // namespace terrace
