// Each channel is divided by the root of its largest magnitude, then tokens are quantised as a
// whole: outlier channels cost one number each instead of steps for small groups.
// Source: He et al., "ZipCache", arXiv 2405.14256, section 4.1 (algorithm 1). State: none; the
// divisors stand in each block.
#include <cmath>

#include "workloads/kv/codec/calibration_rows.h"
#include "workloads/kv/codec/even_steps.h"

namespace terrace {
namespace {

class ChannelSeparable final : public KvCodec {
 public:
  struct Params {
    std::int64_t bits = 4, block = 1;
    bool heads = false;
    static void fields(Schema<Params>& s) {
      s.field("bits", &Params::bits, "of a number").between(1, 8);
      s.field("block", &Params::block, "tokens that share the channels' divisors, at least")
          .at_least(1);
      s.field("heads", &Params::heads, "a token's channels of all heads share a step");
    }
  };
  ChannelSeparable(const Params& params, const Context&) : p_(params) {}

  CodecSpan span() const override {
    CodecSpan s;
    s.heads = p_.heads;
    return s;
  }
  std::int64_t block_tokens() const override { return p_.block; }
  std::int64_t largest_block() const override { return 0; }
  void encode(const CodecBlock& block, std::vector<std::uint8_t>& bytes) override {
    const RowsView& x = block.rows;
    std::vector<float> divisor;
    for (std::int64_t c = 0; c < x.cols; ++c) {
      float most = 0;
      for (std::int64_t t = 0; t < x.rows; ++t) most = std::max(most, std::fabs(x.at(t, c)));
      const float root = from_half(to_half(std::sqrt(most)));
      divisor.push_back(root > 0 ? root : 1);
      put_half(bytes, divisor.back());
    }
    std::vector<float> row(divisor.size());
    for (std::int64_t t = 0; t < x.rows; ++t) {
      for (std::size_t c = 0; c < row.size(); ++c)
        row[c] = x.at(t, static_cast<std::int64_t>(c)) / divisor[c];
      put_even(bytes, row.data(), 1, x.cols, static_cast<int>(p_.bits));
    }
  }
  void decode(const std::vector<std::uint8_t>& bytes, const CodecBlock&, RowsRef rows) override {
    BitReader in(bytes);
    std::vector<float> divisor;
    for (std::int64_t c = 0; c < rows.cols; ++c) divisor.push_back(in.half());
    for (std::int64_t t = 0; t < rows.rows; ++t) {
      get_even(in, rows.row(t), 1, rows.cols, static_cast<int>(p_.bits));
      for (std::int64_t c = 0; c < rows.cols; ++c)
        rows.at(t, c) *= divisor[static_cast<std::size_t>(c)];
    }
  }
  Cost cost() const override { return {6, 3}; }

 private:
  Params p_;
};
TERRACE_REGISTER(KvCodec, ChannelSeparable, "channel_separable",
                 "channels divided by their size, then tokens quantised");

}  // namespace
}  // namespace terrace
