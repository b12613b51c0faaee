// The points written one by one in the space.
// State: none beyond whether they were handed out.
#include "explore/space.h"
#include "sim/schema.h"

namespace terrace {
namespace {

class List final : public Searcher {
 public:
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  List(const Params&, const Context& context) : points_(*context.points) {
    if (points_.empty()) throw BuildError("", "a list needs points");
  }

  std::vector<Point> propose() override {
    if (done_) return {};
    done_ = true;
    std::vector<Point> all;
    for (const auto& given : points_) {
      Point point;
      for (const auto& [path, value] : given) point.emplace_back(path, value.yaml);
      all.push_back(std::move(point));
    }
    return all;
  }
  void observed(const Point&, const Record&) override {}
  std::size_t expected() const override { return points_.size(); }

 private:
  std::vector<std::map<std::string, AnyValue>> points_;
  bool done_ = false;
};

TERRACE_REGISTER(Searcher, List, "list", "the points given one by one");

}  // namespace
}  // namespace terrace
