// Points as text.
#include "explore/point_text.h"

#include <nlohmann/json.hpp>

#include "explore/front_door.h"

namespace terrace {

Point parse_sets(const std::vector<std::string>& sets) {
  Point point;
  for (const std::string& set : sets) {
    const std::size_t equals = set.find('=');
    if (equals == std::string::npos || equals == 0)
      throw InputError("--set " + set +
                       ": write it as path=value, e.g. workload.engine.max_num_seqs=64");
    point.emplace_back(set.substr(0, equals), set.substr(equals + 1));
  }
  return point;
}

std::string point_json(const Point& point) {
  nlohmann::json object = nlohmann::json::object();
  for (const auto& [path, text] : point) {
    const nlohmann::json value = nlohmann::json::parse(text, nullptr, false);
    object[path] = value.is_number() || value.is_boolean() ? value : nlohmann::json(text);
  }
  return object.dump();
}

std::string point_label(const Point& point) {
  std::string label;
  for (const auto& [path, value] : point) {
    if (!label.empty()) label += ", ";
    label +=
        path.substr(path.rfind('.') == std::string::npos ? 0 : path.rfind('.') + 1) + "=" + value;
  }
  return label;
}

}  // namespace terrace
