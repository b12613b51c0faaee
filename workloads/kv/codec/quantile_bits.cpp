// One bit for each number of visual tokens: above or below the middle between two quantiles of its
// group; read as one of the two. Numbers of text tokens stay in fp16.
// Source: "From 16-Bit to 1-Bit: Visual KV Cache Quantization for Memory-Efficient Multimodal Large
// Language Models", arXiv 2502.14882. assumed: keys' groups are a channel's tokens, values' a
// token's channels; the levels are the quartiles. State: which tokens are visual.
#include <algorithm>

#include "workloads/kv/codec/calibration_rows.h"
#include "workloads/kv/number_formats.h"

namespace terrace {
namespace {

class QuantileBits final : public KvCodec {
 public:
  struct Params {
    std::int64_t group = 32;
    double quantile = 0.25;
    static void fields(Schema<Params>& s) {
      s.field("group", &Params::group, "numbers that share two levels").at_least(2);
      s.field("quantile", &Params::quantile, "of the group: the lower level; 1 minus it: the upper")
          .between(0.0, 0.5);
    }
  };
  QuantileBits(const Params& params, const Context& context)
      : p_(params), keys_(context.side == HeadCache::key) {
    if (!keys_ && context.channels(span()) % p_.group != 0)
      throw BuildError("group", "does not divide the head's channels");
  }

  std::int64_t block_tokens() const override { return keys_ ? p_.group : 1; }
  void observed(std::int64_t, std::int64_t, const HeadChunk& chunk) override {
    const auto end = static_cast<std::size_t>(chunk.first + chunk.tokens);
    if (visual_.size() < end) visual_.resize(end, 0);
    for (std::int64_t t = 0; t < chunk.tokens && chunk.tags != nullptr; ++t)
      visual_[static_cast<std::size_t>(chunk.first + t)] =
          (chunk.tags[t] & token_tag::image) != 0 ? 1 : 0;
  }
  void encode(const CodecBlock& block, std::vector<std::uint8_t>& bytes) override {
    const RowsView& x = block.rows;
    each_group(block, x.cols, [&](const std::vector<std::int64_t>& at) {
      std::vector<float> y;
      for (const std::int64_t i : at) y.push_back(x.at(i / x.cols, i % x.cols));
      std::sort(y.begin(), y.end());
      const auto off = static_cast<std::size_t>(p_.quantile * static_cast<double>(y.size() - 1));
      const float low = from_half(to_half(y[off]));
      const float high = from_half(to_half(y[y.size() - 1 - off]));
      put_half(bytes, low);
      put_half(bytes, high);
      BitWriter out(bytes);
      for (const std::int64_t i : at)
        out.put(x.at(i / x.cols, i % x.cols) > (low + high) / 2 ? 1 : 0, 1);
    });
    for (std::int64_t t = 0; t < x.rows; ++t)
      for (std::int64_t c = 0; c < x.cols && !visual(block, t); ++c) put_half(bytes, x.at(t, c));
  }
  void decode(const std::vector<std::uint8_t>& bytes, const CodecBlock& block,
              RowsRef rows) override {
    BitReader in(bytes);
    each_group(block, rows.cols, [&](const std::vector<std::int64_t>& at) {
      const float low = in.half(), high = in.half();
      for (const std::int64_t i : at)
        rows.at(i / rows.cols, i % rows.cols) = in.get(1) != 0 ? high : low;
      in.align();
    });
    for (std::int64_t t = 0; t < rows.rows; ++t)
      for (std::int64_t c = 0; c < rows.cols && !visual(block, t); ++c) rows.at(t, c) = in.half();
  }
  Cost cost() const override { return {8, 1}; }  // assumed: selection of two quantiles

 private:
  bool visual(const CodecBlock& block, std::int64_t t) const {
    const auto at = static_cast<std::size_t>(block.positions[t]);
    return at < visual_.size() && visual_[at] != 0;
  }
  template <class Visit>
  void each_group(const CodecBlock& block, std::int64_t cols, Visit&& visit) const {
    std::vector<std::int64_t> at;
    const std::int64_t tokens = block.rows.rows;
    for (std::int64_t c = 0; c < cols && keys_; ++c) {
      at.clear();
      for (std::int64_t t = 0; t < tokens; ++t)
        if (visual(block, t)) at.push_back(t * cols + c);
      if (!at.empty()) visit(at);
    }
    for (std::int64_t t = 0; t < tokens && !keys_; ++t)
      for (std::int64_t c = 0; c < cols && visual(block, t); c += p_.group) {
        at.clear();
        for (std::int64_t i = 0; i < p_.group; ++i) at.push_back(t * cols + c + i);
        visit(at);
      }
  }
  Params p_;
  bool keys_;
  std::vector<std::uint8_t> visual_;
};
TERRACE_REGISTER(KvCodec, QuantileBits, "quantile_bits", "visual tokens in one bit a number");

}  // namespace
}  // namespace terrace
