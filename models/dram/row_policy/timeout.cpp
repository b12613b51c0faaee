// A row that nobody waits for is closed a while after its last use. Source: the timer policies in
// Awasthi, Nellans, Balasubramonian and Davis, PACT 2011. State: none here; the channel keeps the
// time of each row's last use.
#include "models/dram/row_policy.h"

namespace terrace::dram {
namespace {

class TimeoutRows final : public RowPolicy {
 public:
  struct Params {
    Time idle = Time::ps(100000);
    static void fields(Schema<Params>& s) {
      s.field("idle", &Params::idle, "after a row's last use").above(Time());
    }
  };
  TimeoutRows(const Params& params, const Context&) : params_(params) {}
  RowRules rules() const override {
    RowRules r;
    r.idle = params_.idle;
    return r;
  }

 private:
  Params params_;
};
TERRACE_REGISTER(RowPolicy, TimeoutRows, "timeout", "rows are closed after a while");

}  // namespace
}  // namespace terrace::dram
