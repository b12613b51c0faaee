// The bank of one number in every bank group together, every tREFI over the banks of a group, while
// the others go on. Source: JESD79-5 (REFsb). State: none here.
#include "models/dram/refresh.h"

namespace terrace::dram {
namespace {

class SameBank final : public Refresh {
 public:
  struct Params {
    int postpone = 0;
    static void fields(Schema<Params>& s) {
      s.field("postpone", &Params::postpone, "how many may be owed while requests wait")
          .between(0, 64);
    }
  };
  SameBank(const Params& params, const Context&) : params_(params) {}
  RefreshPlan plan(const CommandTable& table) const override {
    const int banks = table.standard().size("bank");
    RefreshPlan plan;
    plan.command = REFsb;
    plan.interval = refresh_interval(table, REFsb) / banks;
    plan.postpone = params_.postpone;
    plan.scopes.resize(static_cast<std::size_t>(table.scopes()));
    for (auto& scope : plan.scopes) scope.targets.resize(static_cast<std::size_t>(banks));
    for (int bank = 0; bank < table.banks(); ++bank)
      plan.scopes[static_cast<std::size_t>(table.scope_of(bank))]
          .targets[static_cast<std::size_t>(bank % banks)]
          .push_back(bank);
    return plan;
  }

 private:
  Params params_;
};
TERRACE_REGISTER(Refresh, SameBank, "same_bank", "one bank of every group at a time");

}  // namespace
}  // namespace terrace::dram
