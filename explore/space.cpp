// Reading a design space.
#include "explore/space.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "sim/schema.h"

namespace terrace {

void Codec<AnyValue>::read(const Node& node, Reader& r, const Limits<Limit>&, AnyValue& out) {
  if (node.is_null()) {
    r.fail(node, "needs a value");
    return;
  }
  out.place = node.place();
  out.yaml =
      node.is_scalar() && !node.quoted() ? node.text() : to_json(node).dump();  // JSON is YAML
}

void Axis::fields(Schema<Axis>& s) {
  s.field("set", &Axis::set, "paths in the scenario that all get the value").required().not_empty();
  s.field("values", &Axis::values, "what to try").required().not_empty();
  s.field("name", &Axis::name, "what the axis is called in tables");
}

void SpaceParams::fields(Schema<SpaceParams>& s) {
  s.field("name", &SpaceParams::name, "name of the space").required().not_empty();
  s.field("about", &SpaceParams::about, "what is asked");
  s.field("scenario", &SpaceParams::scenario, "the scenario in which things are chosen").required();
  s.field("searcher", &SpaceParams::searcher, "which points are tried");
  s.field("axes", &SpaceParams::axes, "what may be chosen, independently");
  s.field("points", &SpaceParams::points, "points given one by one, as path: value");
}

void SpaceParams::check(Checker& c) const {
  if (axes.empty() && points.empty()) c.fail("", "needs axes or points");
}

SpaceParams read_space(const std::string& file) {
  Mistakes mistakes;
  const Node root = load_config(file, mistakes);
  Reader reader(mistakes);
  SpaceParams space = read<SpaceParams>(root, reader);
  mistakes.raise();
  try {
    space.searcher.make({&space.axes, &space.points});  // it knows whether it can do with them
  } catch (const BuildError& error) {
    throw located(error, root);
  }
  return space;
}

namespace {

// Where the space gives this value to this path.
Place place_of(const SpaceParams& space, const std::string& path, const std::string& yaml) {
  for (const Axis& axis : space.axes)
    for (const std::string& each : axis.set)
      if (each == path)
        for (const AnyValue& value : axis.values)
          if (value.yaml == yaml) return value.place;
  for (const auto& point : space.points)
    if (const auto found = point.find(path); found != point.end() && found->second.yaml == yaml)
      return found->second.place;
  return {};
}

}  // namespace

void add_mistakes_of(const Point& point, const ConfigError& error, const SpaceParams& space,
                     Mistakes& mistakes) {
  for (const Mistake& m : error.mistakes()) {
    Place place = m.place;
    // Assignments are read as "path=value", so the column says whose value it is: it cannot lie
    // before the value, and paths that share the most with the mistake's come first.
    std::size_t best = 0;
    if (m.place.file_name() == "--set")
      for (const auto& [path, yaml] : point) {
        const auto value_column = static_cast<int>(path.size()) + 2;
        if (m.place.column < value_column) continue;
        const auto ends = std::mismatch(path.begin(), path.end(), m.path.begin(), m.path.end());
        const auto shared = static_cast<std::size_t>(ends.first - path.begin()) * 2 +
                            (m.place.column == value_column ? 1 : 0) + 1;
        if (shared <= best) continue;
        best = shared;
        place = place_of(space, path, yaml);
      }
    mistakes.add(std::move(place), m.path, m.what);
  }
}

}  // namespace terrace
