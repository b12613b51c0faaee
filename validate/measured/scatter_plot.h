// A picture of predictions: measured across, predicted upwards, both logarithmic, as SVG.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace terrace::validate {

struct ScatterPanel {
  std::string title, unit;
  std::map<std::string, std::vector<std::pair<float, float>>> points;  // (measured, predicted)
};

// Side by side, with the diagonal, its neighbours at ± 20 %, and a legend. Of longer lists every
// k-th point is drawn, so that at most `most` are. Points that are not above zero are left out.
std::string scatter_svg(const std::vector<ScatterPanel>& panels, std::size_t most = 1200);

}  // namespace terrace::validate
