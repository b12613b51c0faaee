// Every combination of the axes' values, the last axis fastest.
// State: none beyond whether the grid was handed out.
#include "explore/space.h"
#include "sim/schema.h"

namespace terrace {
namespace {

class Grid final : public Searcher {
 public:
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  Grid(const Params&, const Context& context) : axes_(*context.axes) {
    if (axes_.empty()) throw BuildError("", "a grid needs axes");
  }

  std::vector<Point> propose() override {
    if (done_) return {};
    done_ = true;
    std::vector<Point> points(1);
    for (const Axis& axis : axes_) {
      std::vector<Point> longer;
      for (const Point& point : points)
        for (const AnyValue& value : axis.values) {
          longer.push_back(point);
          for (const std::string& path : axis.set) longer.back().emplace_back(path, value.yaml);
        }
      points = std::move(longer);
    }
    return points;
  }
  void observed(const Point&, const Record&) override {}
  std::size_t expected() const override {
    std::size_t n = 1;
    for (const Axis& axis : axes_) n *= axis.values.size();
    return n;
  }

 private:
  std::vector<Axis> axes_;
  bool done_ = false;
};

TERRACE_REGISTER(Searcher, Grid, "grid", "every combination of the axes' values");

}  // namespace
}  // namespace terrace
