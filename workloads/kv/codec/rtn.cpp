// Round to nearest of 2^bits even steps between the smallest and the largest of a group: a token's
// channels, or a channel's tokens. Each group carries its step and its smallest number (fp16).
// Source: asymmetric round-to-nearest as in KIVI (Liu et al., arXiv 2402.02750, section 3).
// State: none.
#include <algorithm>

#include "workloads/kv/codec/codec.h"
#include "workloads/kv/number_formats.h"

namespace terrace {
namespace {

enum class Per : std::uint8_t { token, channel };

}  // namespace

template <>
struct EnumNames<Per> {
  static constexpr std::pair<const char*, Per> values[] = {{"token", Per::token},
                                                           {"channel", Per::channel}};
};

namespace {

class Rtn final : public KvCodec {
 public:
  struct Params {
    std::int64_t bits = 4, group = 0;
    Per per = Per::token;
    static void fields(Schema<Params>& s) {
      s.field("bits", &Params::bits, "of a number").between(1, 8);
      s.field("per", &Params::per, "whose numbers share a step: a token's or a channel's");
      s.field(
           "group", &Params::group,
           "how many do: channels of a token (0: all of the head) or tokens of a channel (0: 32)")
          .at_least(0);
    }
  };
  Rtn(const Params& params, const Context& context) : p_(params) {
    const std::int64_t width = context.channels(span());
    if (p_.group == 0) p_.group = p_.per == Per::token ? width : 32;
    if (p_.per == Per::token && width % p_.group != 0)
      throw BuildError("group", std::to_string(p_.group) + " does not divide the " +
                                    std::to_string(width) + " channels of a head");
  }

  std::int64_t block_tokens() const override { return p_.per == Per::channel ? p_.group : 1; }
  void encode(const CodecBlock& block, std::vector<std::uint8_t>& bytes) override {
    const RowsView& x = block.rows;
    if (p_.per == Per::channel) {
      for (std::int64_t c = 0; c < x.cols; ++c) put(x.data + c, x.stride, x.rows, bytes);
    } else {
      for (std::int64_t t = 0; t < x.rows; ++t)
        for (std::int64_t c = 0; c < x.cols; c += p_.group) put(x.row(t) + c, 1, p_.group, bytes);
    }
  }
  void decode(const std::vector<std::uint8_t>& bytes, const CodecBlock&, RowsRef rows) override {
    BitReader in(bytes);
    if (p_.per == Per::channel) {
      for (std::int64_t c = 0; c < rows.cols; ++c) get(in, rows.data + c, rows.stride, rows.rows);
    } else {
      for (std::int64_t t = 0; t < rows.rows; ++t)
        for (std::int64_t c = 0; c < rows.cols; c += p_.group)
          get(in, rows.row(t) + c, 1, p_.group);
    }
  }
  Cost cost() const override { return {4, 2}; }  // min, max, scale, round; scale, add

 private:
  void put(const float* x, std::int64_t stride, std::int64_t n,
           std::vector<std::uint8_t>& bytes) const {
    float low = x[0], high = x[0];
    for (std::int64_t i = 1; i < n; ++i) {
      low = std::min(low, x[i * stride]);
      high = std::max(high, x[i * stride]);
    }
    const float most = static_cast<float>((1 << p_.bits) - 1);
    const float zero = from_half(to_half(low)), step = from_half(to_half((high - zero) / most));
    put_half(bytes, step);
    put_half(bytes, zero);
    BitWriter out(bytes);
    for (std::int64_t i = 0; i < n; ++i) {
      const float steps = step > 0 ? std::nearbyint((x[i * stride] - zero) / step) : 0;
      out.put(static_cast<std::uint32_t>(std::clamp(steps, 0.0F, most)), static_cast<int>(p_.bits));
    }
  }
  void get(BitReader& in, float* x, std::int64_t stride, std::int64_t n) const {
    const float step = in.half(), zero = in.half();
    in.align();
    for (std::int64_t i = 0; i < n; ++i)
      x[i * stride] = zero + step * static_cast<float>(in.get(static_cast<int>(p_.bits)));
    in.align();
  }
  Params p_;
};
TERRACE_REGISTER(KvCodec, Rtn, "rtn", "round to nearest, with a step and a zero for each group");

}  // namespace
}  // namespace terrace
