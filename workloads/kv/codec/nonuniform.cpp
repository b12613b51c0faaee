// Non-uniform levels of a channel's (or a token's) range, learned once for the layer, and the
// numbers outside of it kept as they are beside the codes.
// Source: Hooper et al., "KVQuant", arXiv 2401.18079, sections 3.1 to 3.4: keys per channel before
// RoPE with ranges fixed by calibration, values per token with ranges found when they are stored;
// nuqX levels by k-means; 1 % of a vector's numbers are outliers. State: levels, and channel ranges
// of keys.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "workloads/kv/codec/calibration_rows.h"
#include "workloads/kv/number_formats.h"

namespace terrace {
namespace {

class Nonuniform final : public KvCodec {
 public:
  struct Params {
    std::int64_t bits = 3, tokens = 512;
    double outliers = 0.01;
    static void fields(Schema<Params>& s) {
      s.field("bits", &Params::bits, "of a code").between(1, 6);
      s.field("outliers", &Params::outliers, "share of numbers outside the range")
          .between(0.0, 0.5);
      s.field("calibration_tokens", &Params::tokens, "of captured text that it is given, at most")
          .at_least(2);
    }
  };
  Nonuniform(const Params& params, const Context& context)
      : p_(params), keys_(context.side == HeadCache::key), width_(context.channels(span())) {
    const Table rows = calibration_rows(context, span(), p_.tokens);
    if (keys_)
      for (std::int64_t c = 0; c < width_; ++c)
        ranges_.push_back(range_of(rows.data.data() + c, rows.rows, rows.cols));
    std::vector<float> inside;
    for (std::int64_t t = 0; t < rows.rows; ++t) {
      const Range own = keys_ ? Range() : range_of(rows.row(t), width_, 1);
      for (std::int64_t c = 0; c < width_; ++c) {
        const float x = (keys_ ? at(c) : own).normal(rows.row(t)[c]);
        if (std::fabs(x) <= 1) inside.push_back(x);
      }
    }
    const std::size_t every = std::max<std::size_t>(1, inside.size() / 4096);
    std::vector<float> some;
    for (std::size_t i = 0; i < inside.size(); i += every) some.push_back(inside[i]);
    levels_ = k_means({some.data(), static_cast<std::int64_t>(some.size()), 1, 1},
                      std::int64_t{1} << p_.bits, 30, context.seed)
                  .data;
    for (float& x : levels_) x = from_half(to_half(x));
    std::sort(levels_.begin(), levels_.end());
  }

  CodecSpan span() const override {
    CodecSpan s;
    s.heads = true;
    s.before_rope = keys_;
    return s;
  }
  std::int64_t largest_block() const override { return 0; }
  void encode(const CodecBlock& block, std::vector<std::uint8_t>& bytes) override {
    for (std::int64_t t = 0; t < block.rows.rows; ++t) {
      const float* x = block.rows.row(t);
      Range own;
      if (!keys_) {
        own = range_of(x, width_, 1);
        put_half(bytes, own.middle);
        put_half(bytes, own.half);
      }
      std::vector<std::int64_t> out;
      BitWriter codes(bytes);
      for (std::int64_t c = 0; c < width_; ++c) {
        const float z = (keys_ ? at(c) : own).normal(x[c]);
        // A little room for the rounding of the range itself.
        if (std::fabs(z) > 1.002F) out.push_back(c);
        codes.put(level_of(z), static_cast<int>(p_.bits));
      }
      codes.flush();
      codes.put(static_cast<std::uint32_t>(out.size()), 16);
      for (const std::int64_t c : out) {
        codes.put(static_cast<std::uint32_t>(c), 16);
        codes.put(to_half(x[c]), 16);
      }
    }
  }
  void decode(const std::vector<std::uint8_t>& bytes, const CodecBlock&, RowsRef rows) override {
    BitReader in(bytes);
    for (std::int64_t t = 0; t < rows.rows; ++t) {
      Range own;
      if (!keys_) {
        own.middle = in.half();
        own.half = in.half();
      }
      for (std::int64_t c = 0; c < width_; ++c) {
        const Range& range = keys_ ? at(c) : own;
        rows.at(t, c) = range.middle + range.half * levels_[in.get(static_cast<int>(p_.bits))];
      }
      in.align();
      for (std::uint32_t n = in.get(16); n > 0; --n) {
        const std::uint32_t c = in.get(16);
        rows.at(t, c) = from_half(static_cast<std::uint16_t>(in.get(16)));
      }
    }
  }
  double shared_bytes() const override {
    return 2 * static_cast<double>(levels_.size() + 2 * ranges_.size());
  }
  Cost cost() const override { return {4 + static_cast<double>(p_.bits), 2}; }

 private:
  struct Range {
    float middle = 0, half = 1;
    float normal(float x) const { return half > 0 ? (x - middle) / half : x - middle; }
  };
  // Outliers left out on both sides.
  Range range_of(const float* x, std::int64_t n, std::int64_t stride) const {
    std::vector<float> sorted(static_cast<std::size_t>(n));
    for (std::int64_t i = 0; i < n; ++i) sorted[static_cast<std::size_t>(i)] = x[i * stride];
    std::sort(sorted.begin(), sorted.end());
    const auto off =
        static_cast<std::size_t>(std::nearbyint(p_.outliers / 2 * static_cast<double>(n)));
    const float low = sorted[off], high = sorted[sorted.size() - 1 - off];
    return {from_half(to_half((low + high) / 2)), from_half(to_half((high - low) / 2))};
  }
  const Range& at(std::int64_t c) const { return ranges_[static_cast<std::size_t>(c)]; }
  std::uint32_t level_of(float z) const {
    std::uint32_t best = 0;
    for (std::uint32_t i = 1; i < levels_.size(); ++i)
      if (std::fabs(z - levels_[i]) < std::fabs(z - levels_[best])) best = i;
    return best;
  }
  Params p_;
  bool keys_;
  std::int64_t width_;
  std::vector<Range> ranges_;
  std::vector<float> levels_;
};
TERRACE_REGISTER(KvCodec, Nonuniform, "nonuniform", "learned levels, and outliers beside them");

}  // namespace
}  // namespace terrace
