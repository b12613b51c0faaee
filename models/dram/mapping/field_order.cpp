// The fields of an address in a fixed order, such as RoBaRaCoCh: row, bank, rank, column, channel
// from the highest bits down. Source: the mapping of that name in Ramulator (Kim et al., IEEE CAL
// 2016). State: none.
#include "models/dram/mapping.h"

namespace terrace::dram {
namespace {

class FieldOrder final : public AddressMapping {
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
  FieldOrder(const Params& params, const Context&) : params_(params) {}
  void plan(MappingPlan& out) const override {
    take_in_order(out, params_.order, params_.low_columns);
  }

 private:
  Params params_;
};
TERRACE_REGISTER(AddressMapping, FieldOrder, "field_order", "fields in a fixed order");

}  // namespace
}  // namespace terrace::dram
