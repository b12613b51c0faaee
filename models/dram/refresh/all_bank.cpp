// Every tREFI each rank or pseudo-channel closes all its banks and refreshes them together for
// tRFC. Up to `postpone` of them may be owed while requests wait. Source: JESD79-4 and JESD238
// (REFab; eight may be postponed in DDR4). State: none here.
#include "models/dram/refresh.h"

namespace terrace::dram {
namespace {

class AllBank final : public Refresh {
 public:
  struct Params {
    int postpone = 0;
    static void fields(Schema<Params>& s) {
      s.field("postpone", &Params::postpone, "how many may be owed while requests wait")
          .between(0, 8);
    }
  };
  AllBank(const Params& params, const Context&) : params_(params) {}
  RefreshPlan plan(const CommandTable& table) const override {
    RefreshPlan plan;
    plan.command = REFab;
    plan.interval = refresh_interval(table, REFab);
    plan.postpone = params_.postpone;
    plan.scopes.resize(static_cast<std::size_t>(table.scopes()));
    for (auto& scope : plan.scopes) scope.targets.resize(1);
    for (int bank = 0; bank < table.banks(); ++bank)
      plan.scopes[static_cast<std::size_t>(table.scope_of(bank))].targets[0].push_back(bank);
    return plan;
  }

 private:
  Params params_;
};
TERRACE_REGISTER(Refresh, AllBank, "all_bank", "all banks together, every tREFI");

}  // namespace
}  // namespace terrace::dram
