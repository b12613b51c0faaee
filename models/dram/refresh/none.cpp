// No refresh at all: for bounds and for comparison. Source: none. State: none.
#include "models/dram/refresh.h"

namespace terrace::dram {
namespace {

class NoRefresh final : public Refresh {
 public:
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  NoRefresh(const Params&, const Context&) {}
  RefreshPlan plan(const CommandTable&) const override { return {}; }
};
TERRACE_REGISTER(Refresh, NoRefresh, "none", "never");

}  // namespace
}  // namespace terrace::dram
