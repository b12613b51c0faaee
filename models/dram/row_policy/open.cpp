// A row stays open until another row of its bank is wanted or the bank is refreshed. Source: the
// open-page policy of Rixner et al., ISCA 2000. State: none.
#include "models/dram/row_policy.h"

namespace terrace::dram {
namespace {

class OpenRows final : public RowPolicy {
 public:
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  OpenRows(const Params&, const Context&) {}
  RowRules rules() const override { return {}; }
};
TERRACE_REGISTER(RowPolicy, OpenRows, "open", "rows stay open");

}  // namespace
}  // namespace terrace::dram
