// A design space: a scenario, and what may be chosen in it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sim/record.h"
#include "sim/registry.h"
#include "sim/scenario.h"

namespace terrace {

// A value of a scenario in YAML, whatever it is: 64, 128GiB, link/pcie4_x16.yaml, {kind: poisson,
// rate: 3/s}.
struct AnyValue {
  std::string yaml;  // on one line
  Place place;
};

template <>
struct Codec<AnyValue> {
  using Limit = std::monostate;
  static void read(const Node& node, Reader& r, const Limits<Limit>&, AnyValue& out);
  static void absent(const Node&, Reader&, AnyValue&) {}
  static bool empty(const AnyValue& v) { return v.yaml.empty(); }
  static Node write(const AnyValue& v) { return Node::scalar(v.yaml); }
  static Node schema(SchemaBuilder&, const Limits<Limit>&) { return Node::mapping(); }
  static void describe(FieldDoc& doc, DocBuilder&) { doc.type = "any value"; }
};

struct Axis {
  std::vector<std::string> set;  // paths in the scenario that get the value, together
  std::vector<AnyValue> values;
  std::string name;  // for tables; empty: the last step of the first path
  static void fields(Schema<Axis>& s);
};

struct SpaceContext {
  const std::vector<Axis>* axes = nullptr;
  const std::vector<std::map<std::string, AnyValue>>* points = nullptr;
};

// Proposes design points and learns from records. Never runs one.
class Searcher {
 public:
  using Context = SpaceContext;
  static constexpr const char* family = "searcher";
  static constexpr const char* meaning = "which points of a design space are tried, in which order";
  virtual ~Searcher() = default;
  virtual std::vector<Point> propose() = 0;  // the next batch; empty: finished
  virtual void observed(const Point& point, const Record& record) = 0;
  virtual std::size_t expected()
      const = 0;  // how many points in all, for the progress bar; 0: not known
};

struct SpaceParams {
  std::string name, about;
  FilePath scenario;
  Choice<Searcher> searcher = Choice<Searcher>::of("grid");
  std::vector<Axis> axes;
  std::vector<std::map<std::string, AnyValue>> points;
  static void fields(Schema<SpaceParams>& s);
  void check(Checker& c) const;
};

SpaceParams read_space(const std::string& file);  // throws ConfigError

// What is wrong with a point, said where the space says the value. `mistakes` are those of
// Scenario::at(point).
void add_mistakes_of(const Point& point, const ConfigError& error, const SpaceParams& space,
                     Mistakes& mistakes);

}  // namespace terrace
