// Block floating point: some channels of a token share an exponent, and channels are put in order
// so that large ones share it with large ones.
// Source: Trukhanov and Soloveychik, "Accurate Block Quantization in LLMs with Outliers", arXiv
// 2403.20137. State: the order of the channels, fixed at the start and folded into the weights (so
// that it takes no room).
#include <algorithm>
#include <cmath>
#include <numeric>

#include "workloads/kv/codec/calibration_rows.h"
#include "workloads/kv/number_formats.h"

namespace terrace {
namespace {

class BlockFloat final : public KvCodec {
 public:
  struct Params {
    std::int64_t bits = 4, block = 16;
    bool reorder = true;
    static void fields(Schema<Params>& s) {
      s.field("bits", &Params::bits, "of a mantissa, its sign included").between(2, 12);
      s.field("block", &Params::block, "channels that share an exponent").at_least(1);
      s.field("reorder", &Params::reorder, "large channels side by side, by calibration");
    }
  };
  BlockFloat(const Params& params, const Context& context) : p_(params) {
    const std::int64_t width = context.channels(span());
    if (width % p_.block != 0)
      throw BuildError("block", std::to_string(p_.block) + " does not divide the " +
                                    std::to_string(width) + " channels of a head");
    order_.resize(static_cast<std::size_t>(width));
    std::iota(order_.begin(), order_.end(), 0);
    if (!p_.reorder) return;
    const Table rows = calibration_rows(context, span(), 1024);
    std::vector<double> size(order_.size(), 0.0);
    for (std::int64_t t = 0; t < rows.rows; ++t)
      for (std::size_t c = 0; c < size.size(); ++c)
        size[c] += static_cast<double>(rows.row(t)[c]) * rows.row(t)[c];
    std::stable_sort(order_.begin(), order_.end(), [&](std::int64_t a, std::int64_t b) {
      return size[static_cast<std::size_t>(a)] > size[static_cast<std::size_t>(b)];
    });
  }

  std::int64_t largest_block() const override { return 0; }
  void encode(const CodecBlock& block, std::vector<std::uint8_t>& bytes) override {
    const float most = static_cast<float>((1 << (p_.bits - 1)) - 1);
    BitWriter out(bytes);
    for (std::int64_t t = 0; t < block.rows.rows; ++t)
      for (std::size_t from = 0; from < order_.size(); from += unit()) {
        float largest = 0;
        for (std::size_t i = 0; i < unit(); ++i)
          largest = std::max(largest, std::fabs(block.rows.at(t, order_[from + i])));
        int exponent = -127;
        if (largest > 0) std::frexp(largest, &exponent);
        exponent = std::clamp(exponent, -127, 128);
        out.put(static_cast<std::uint32_t>(exponent + 127), 8);
        for (std::size_t i = 0; i < unit(); ++i) {
          const float steps = std::nearbyint(block.rows.at(t, order_[from + i]) / step(exponent));
          const auto code = static_cast<std::int32_t>(std::clamp(steps, -most, most));
          out.put(static_cast<std::uint32_t>(code + static_cast<std::int32_t>(most)), bits());
        }
      }
  }
  void decode(const std::vector<std::uint8_t>& bytes, const CodecBlock&, RowsRef rows) override {
    const auto most = static_cast<std::int32_t>((1 << (p_.bits - 1)) - 1);
    BitReader in(bytes);
    for (std::int64_t t = 0; t < rows.rows; ++t)
      for (std::size_t from = 0; from < order_.size(); from += unit()) {
        const float one = step(static_cast<int>(in.get(8)) - 127);
        for (std::size_t i = 0; i < unit(); ++i)
          rows.at(t, order_[from + i]) =
              one * static_cast<float>(static_cast<std::int32_t>(in.get(bits())) - most);
      }
  }
  Cost cost() const override { return {3, 1}; }

 private:
  std::size_t unit() const { return static_cast<std::size_t>(p_.block); }
  int bits() const { return static_cast<int>(p_.bits); }
  float step(int exponent) const { return std::ldexp(1.0F, exponent - bits() + 1); }
  Params p_;
  std::vector<std::int64_t> order_;
};
TERRACE_REGISTER(KvCodec, BlockFloat, "block_float", "channels of like size share an exponent");

}  // namespace
}  // namespace terrace
