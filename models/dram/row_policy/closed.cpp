// The last hit that waits closes its row by auto-precharge. Source: the closed-page policy of
// Rixner et al., ISCA 2000. State: none.
#include "models/dram/row_policy.h"

namespace terrace::dram {
namespace {

class ClosedRows final : public RowPolicy {
 public:
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  ClosedRows(const Params&, const Context&) {}
  RowRules rules() const override {
    RowRules r;
    r.with_last_hit = true;
    return r;
  }
};
TERRACE_REGISTER(RowPolicy, ClosedRows, "closed", "the last hit that waits closes its row");

}  // namespace
}  // namespace terrace::dram
