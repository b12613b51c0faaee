// Entries stay as the model made them. State: none.
// Source: the full cache.
#include "workloads/kv/codec/codec.h"

namespace terrace {
namespace {

class None final : public KvCodec {
 public:
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  None(const Params&, const Context&) {}
  bool stores() const override { return false; }
  void encode(const CodecBlock&, std::vector<std::uint8_t>&) override {}
  void decode(const std::vector<std::uint8_t>&, const CodecBlock&, RowsRef) override {}
};
TERRACE_REGISTER(KvCodec, None, "none", "entries stay as the model made them");

}  // namespace
}  // namespace terrace
