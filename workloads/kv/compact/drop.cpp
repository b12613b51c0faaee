// What must go is gone. State: none.
// Source: the usual baseline.
#include "workloads/kv/compact/compact.h"

namespace terrace {
namespace {

class Drop final : public KvCompact {
 public:
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  Drop(const Params&, const Context&) {}
  Work compact(HeadCache&, const Verdict&, std::vector<std::int32_t>&) override { return {}; }
};
TERRACE_REGISTER(KvCompact, Drop, "drop", "what must go is gone");

}  // namespace
}  // namespace terrace
