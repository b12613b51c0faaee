// Everything is beside the attention engine, and every step reads it all. State: none.
// Source: the full cache.
#include "workloads/kv/place/place.h"

namespace terrace {
namespace {

class Resident final : public KvPlace {
 public:
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  Resident(const Params&, const Context& context) : KvPlace(context) {}
};
TERRACE_REGISTER(KvPlace, Resident, "resident", "all in the hot tier, all read at every step");

}  // namespace
}  // namespace terrace
