// Three levels for each number of a channel, log2(3) = 1.58 bits of news; five of them in a byte.
// Source: Tao et al., "VidKV", arXiv 2503.16257, section 3.3, values by channel. assumed: -a, 0, +a
// about the channel's mean, 0 below 0.7 of the mean magnitude, a the mean of those above (the
// optimum for normal numbers, Li et al., "Ternary weight networks", arXiv 1605.04711).
// State: none.
#include <cmath>

#include "workloads/kv/codec/calibration_rows.h"
#include "workloads/kv/number_formats.h"

namespace terrace {
namespace {

class Ternary final : public KvCodec {
 public:
  struct Params {
    std::int64_t group = 32;
    double threshold = 0.7;
    static void fields(Schema<Params>& s) {
      s.field("group", &Params::group, "tokens of a channel that share levels").at_least(1);
      s.field("threshold", &Params::threshold, "below this part of the mean magnitude: the middle")
          .at_least(0.0);
    }
  };
  Ternary(const Params& params, const Context&) : p_(params) {}

  std::int64_t block_tokens() const override { return p_.group; }
  void encode(const CodecBlock& block, std::vector<std::uint8_t>& bytes) override {
    const RowsView& x = block.rows;
    const auto n = static_cast<double>(x.rows);
    for (std::int64_t c = 0; c < x.cols; ++c) {
      double mean = 0, size = 0, above = 0, count = 0;
      for (std::int64_t t = 0; t < x.rows; ++t) mean += x.at(t, c) / n;
      const float middle = from_half(to_half(static_cast<float>(mean)));
      for (std::int64_t t = 0; t < x.rows; ++t) size += std::fabs(x.at(t, c) - middle) / n;
      const auto limit = static_cast<float>(p_.threshold * size);
      const auto code = [&](std::int64_t t) {
        const float y = x.at(t, c) - middle;
        return std::fabs(y) <= limit ? 1U : y > 0 ? 2U : 0U;
      };
      for (std::int64_t t = 0; t < x.rows; ++t)
        if (code(t) != 1) {
          above += std::fabs(x.at(t, c) - middle);
          ++count;
        }
      put_half(bytes, middle);
      put_half(bytes, count > 0 ? static_cast<float>(above / count) : 0);
      for (std::int64_t t = 0; t < x.rows; t += 5) {
        std::uint32_t byte = 0;
        for (std::int64_t i = std::min(x.rows, t + 5) - 1; i >= t; --i) byte = byte * 3 + code(i);
        bytes.push_back(static_cast<std::uint8_t>(byte));
      }
    }
  }
  void decode(const std::vector<std::uint8_t>& bytes, const CodecBlock&, RowsRef rows) override {
    BitReader in(bytes);
    for (std::int64_t c = 0; c < rows.cols; ++c) {
      const float middle = in.half(), a = in.half();
      for (std::int64_t t = 0; t < rows.rows; t += 5) {
        std::uint32_t byte = in.get(8);
        for (std::int64_t i = t; i < std::min(rows.rows, t + 5); ++i, byte /= 3)
          rows.at(i, c) = middle + a * static_cast<float>(static_cast<std::int32_t>(byte % 3) - 1);
      }
    }
  }
  Cost cost() const override { return {6, 2}; }

 private:
  Params p_;
};
TERRACE_REGISTER(KvCodec, Ternary, "ternary", "three levels, five numbers in a byte");

}  // namespace
}  // namespace terrace
