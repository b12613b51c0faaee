// One bank at a time, every tREFI over the number of banks, while the others go on. Where
// `idle_first` is set, a bank that nobody waits for goes before its turn, once a round as JESD238
// allows. Source: JESD238 (REFpb); Chang et al., HPCA 2014 (out of order). State: none here.
#include "models/dram/refresh.h"

namespace terrace::dram {
namespace {

class PerBank final : public Refresh {
 public:
  struct Params {
    int postpone = 0;
    bool idle_first = true;
    static void fields(Schema<Params>& s) {
      s.field("postpone", &Params::postpone, "how many may be owed while requests wait")
          .between(0, 64);
      s.field("idle_first", &Params::idle_first, "banks that nobody waits for go first");
    }
  };
  PerBank(const Params& params, const Context&) : params_(params) {}
  RefreshPlan plan(const CommandTable& table) const override {
    RefreshPlan plan;
    plan.command = REFpb;
    plan.interval = refresh_interval(table, REFpb) * table.scopes() / table.banks();
    plan.postpone = params_.postpone;
    plan.idle_first = params_.idle_first;
    plan.scopes.resize(static_cast<std::size_t>(table.scopes()));
    for (int bank = 0; bank < table.banks(); ++bank)
      plan.scopes[static_cast<std::size_t>(table.scope_of(bank))].targets.push_back({bank});
    return plan;
  }

 private:
  Params params_;
};
TERRACE_REGISTER(Refresh, PerBank, "per_bank", "one bank at a time");

}  // namespace
}  // namespace terrace::dram
