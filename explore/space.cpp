// Reading a design space.
#include "explore/space.h"

#include <nlohmann/json.hpp>

#include "sim/schema.h"

namespace terrace {

void Codec<AnyValue>::read(const Node& node, Reader& r, const Limits<Limit>&, AnyValue& out) {
  if (node.is_null()) {
    r.fail(node, "needs a value");
    return;
  }
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
  return space;
}

}  // namespace terrace
