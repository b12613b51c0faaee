// Two bytes a number: IEEE binary16. State: none.
// Source: IEEE 754-2019; what most engines cache by default.
#include "workloads/kv/codec/codec.h"
#include "workloads/kv/number_formats.h"

namespace terrace {
namespace {

class Fp16 final : public KvCodec {
 public:
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  Fp16(const Params&, const Context&) {}

  void encode(const CodecBlock& block, std::vector<std::uint8_t>& bytes) override {
    for (std::int64_t t = 0; t < block.rows.rows; ++t)
      for (std::int64_t c = 0; c < block.rows.cols; ++c) put_half(bytes, block.rows.at(t, c));
  }
  void decode(const std::vector<std::uint8_t>& bytes, const CodecBlock&, RowsRef rows) override {
    BitReader in(bytes);
    for (std::int64_t t = 0; t < rows.rows; ++t)
      for (std::int64_t c = 0; c < rows.cols; ++c) rows.at(t, c) = in.half();
  }
  Cost cost() const override { return {0, 0}; }
};
TERRACE_REGISTER(KvCodec, Fp16, "fp16", "two bytes a number");

}  // namespace
}  // namespace terrace
