// The first and the last layers are a class of their own: many policies leave them alone.
// Source: e.g. Quest (arXiv 2406.10774, section 4.1) keeps the first two layers whole.
// State: none.
#include "workloads/kv/classes/classes.h"

namespace terrace {
namespace {

class ByLayer final : public KvClasses {
 public:
  struct Params {
    std::int64_t first = 2, last = 0;
    std::string name = "edge";
    static void fields(Schema<Params>& s) {
      s.field("first", &Params::first, "layers from the bottom in the class").at_least(0);
      s.field("last", &Params::last, "layers from the top in the class").at_least(0);
      s.field("name", &Params::name, "of the class").not_empty();
    }
  };
  ByLayer(const Params& params, const Context& context)
      : p_(params), layers_(context.shape.layers) {}

  std::string of(std::int64_t layer, std::int64_t) override {
    return layer < p_.first || layer >= layers_ - p_.last ? p_.name : "";
  }

 private:
  Params p_;
  std::int64_t layers_;
};
TERRACE_REGISTER(KvClasses, ByLayer, "by_layer", "the first and the last layers, and the rest");

}  // namespace
}  // namespace terrace
