// Minimalist open page: a few neighbouring bursts of a row, then the next bank; where `flip` is set
// every level above the row is exclusive-ored with the column, lowest bits to the outermost level.
// Source: Kaseridis, Stuecheli and John, MICRO 2011; the exclusive-or as MOP4CLXOR of Ramulator 2.1
// does it (it takes the low column bits too). State: none.
#include "models/dram/mapping.h"

namespace terrace::dram {
namespace {

class Mop final : public AddressMapping {
 public:
  struct Params {
    int run = 4;
    bool flip = true;
    static void fields(Schema<Params>& s) {
      s.field("run", &Params::run, "bursts of a row that follow one another").between(1, 1024);
      s.field("flip", &Params::flip, "exclusive-or levels with column bits");
    }
  };
  Mop(const Params& params, const Context&) : params_(params) {}
  void plan(MappingPlan& out) const override {
    const std::vector<std::string>& levels = out.standard().levels;
    if (out.standard().size("column") % params_.run != 0)
      throw BuildError("run", "does not divide the bursts of a row");
    out.take("column", params_.run);
    for (std::size_t i = 1; i + 2 < levels.size(); ++i) out.take(levels[i]);
    out.take("column");
    out.take("row");
    out.finish();
    int shift = 0;
    if (!params_.flip) return;
    for (std::size_t i = 1; i + 2 < levels.size(); ++i) {
      out.flip(levels[i], "column", shift);
      for (int n = out.standard().size(levels[i]); n > 1; n /= 2) ++shift;
    }
  }

 private:
  Params params_;
};
TERRACE_REGISTER(AddressMapping, Mop, "mop", "minimalist open page, as MOP4CLXOR");

}  // namespace
}  // namespace terrace::dram
