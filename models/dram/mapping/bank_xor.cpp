// Fields in a fixed order, then bank and bank group exclusive-ored with the lowest row bits, so
// that rows that lie a power of two apart fall into different banks. Source: permutation-based page
// interleaving (Zhang, Zhu and Zhang, MICRO 2000). State: none.
#include "models/dram/mapping.h"

namespace terrace::dram {
namespace {

class BankXor final : public AddressMapping {
 public:
  struct Params {
    std::string order = "RoBaRaCoCh";
    int low_columns = 1;
    static void fields(Schema<Params>& s) {
      s.field("order", &Params::order, "levels by two letters, the highest first").not_empty();
      s.field("low_columns", &Params::low_columns, "bursts that \"Cl\" in the order stands for")
          .between(1, 4096);
    }
  };
  BankXor(const Params& params, const Context&) : params_(params) {}
  void plan(MappingPlan& out) const override {
    take_in_order(out, params_.order, params_.low_columns);
    int shift = 0;
    for (const char* level : {"bank_group", "bank"}) {
      if (level_index(out.standard(), level) < 0) continue;
      out.flip(level, "row", shift);
      for (int n = out.standard().size(level); n > 1; n /= 2) ++shift;
    }
  }

 private:
  Params params_;
};
TERRACE_REGISTER(AddressMapping, BankXor, "bank_xor", "fields in order, banks flipped by row bits");

}  // namespace
}  // namespace terrace::dram
