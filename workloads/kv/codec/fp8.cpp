// One byte a number: OCP FP8 with one scale for all, as vLLM's fp8 KV cache has it (scale 1 unless
// calibrated). State: none.
// Source: Micikevicius et al., "FP8 formats for deep learning", arXiv 2209.05433.
#include "workloads/kv/codec/codec.h"
#include "workloads/kv/number_formats.h"

namespace terrace {
namespace {

enum class Fp8Format : std::uint8_t { e4m3, e5m2 };

}  // namespace

template <>
struct EnumNames<Fp8Format> {
  static constexpr std::pair<const char*, Fp8Format> values[] = {{"e4m3", Fp8Format::e4m3},
                                                                 {"e5m2", Fp8Format::e5m2}};
};

namespace {

class Fp8 final : public KvCodec {
 public:
  struct Params {
    Fp8Format format = Fp8Format::e4m3;
    double scale = 1;
    static void fields(Schema<Params>& s) {
      s.field("format", &Params::format, "bits of exponent and mantissa");
      s.field("scale", &Params::scale, "what a stored 1 stands for").above(0.0);
    }
  };
  Fp8(const Params& params, const Context&) : p_(params) {}

  void encode(const CodecBlock& block, std::vector<std::uint8_t>& bytes) override {
    const auto scale = static_cast<float>(p_.scale);
    for (std::int64_t t = 0; t < block.rows.rows; ++t)
      for (std::int64_t c = 0; c < block.rows.cols; ++c) {
        const float x = block.rows.at(t, c) / scale;
        bytes.push_back(p_.format == Fp8Format::e4m3 ? to_fp8_e4m3(x) : to_fp8_e5m2(x));
      }
  }
  void decode(const std::vector<std::uint8_t>& bytes, const CodecBlock&, RowsRef rows) override {
    const auto scale = static_cast<float>(p_.scale);
    std::size_t next = 0;
    for (std::int64_t t = 0; t < rows.rows; ++t)
      for (std::int64_t c = 0; c < rows.cols; ++c) {
        const std::uint8_t b = bytes.at(next++);
        rows.at(t, c) =
            scale * (p_.format == Fp8Format::e4m3 ? from_fp8_e4m3(b) : from_fp8_e5m2(b));
      }
  }

 private:
  Params p_;
};
TERRACE_REGISTER(KvCodec, Fp8, "fp8", "one byte a number, in floating point");

}  // namespace
}  // namespace terrace
