// Channels of some heads are put in another order and rotated by a Walsh-Hadamard transform before
// they are quantised by token, so that outliers spread over all of them.
// Source: Su et al., "RotateKV", arXiv 2501.16383, section 4: order by calibrated size, keys before
// RoPE, heads in groups. State: the order, fixed at the start.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "workloads/kv/codec/calibration_rows.h"
#include "workloads/kv/codec/even_steps.h"
#include "workloads/kv/codec/walsh.h"

namespace terrace {
namespace {

class Rotated final : public KvCodec {
 public:
  struct Params {
    std::int64_t bits = 2, group = 0, heads = 0;
    bool rotate = true, reorder = true;
    static void fields(Schema<Params>& s) {
      s.field("bits", &Params::bits, "of a number").between(1, 8);
      s.field("group", &Params::group, "rotated channels that share a step; 0: those of a head")
          .at_least(0);
      s.field("heads", &Params::heads, "that are rotated together; 0: all of the layer")
          .at_least(0);
      s.field("rotate", &Params::rotate, "rather than quantise the channels themselves");
      s.field("reorder", &Params::reorder, "spread large channels, by calibration");
    }
  };
  Rotated(const Params& params, const Context& context)
      : p_(params), keys_(context.side == HeadCache::key), width_(context.channels(span())) {
    const std::int64_t dim = context.shape.head_dim, kv = context.shape.kv_heads;
    if (p_.group == 0) p_.group = dim;
    if (p_.heads == 0) p_.heads = kv;
    if (kv % p_.heads != 0) throw BuildError("heads", "do not divide the layer's KV heads");
    together_ = power_of_two_in(p_.heads * dim);
    sets_ = kv / p_.heads;
    if (width_ % p_.group != 0) throw BuildError("group", "does not divide the layer's channels");
    order_.resize(static_cast<std::size_t>(width_));
    std::iota(order_.begin(), order_.end(), 0);
    if (p_.reorder) deal(calibration_rows(context, span(), 512));
  }

  CodecSpan span() const override {
    CodecSpan s;
    s.heads = true;
    s.before_rope = keys_;
    return s;
  }
  std::int64_t largest_block() const override { return 0; }
  void encode(const CodecBlock& block, std::vector<std::uint8_t>& bytes) override {
    std::vector<float> x(static_cast<std::size_t>(width_));
    for (std::int64_t t = 0; t < block.rows.rows; ++t) {
      for (std::size_t c = 0; c < x.size(); ++c) x[c] = block.rows.at(t, order_[c]);
      turn(x);
      for (std::int64_t c = 0; c < width_; c += p_.group)
        put_even(bytes, x.data() + c, 1, p_.group, static_cast<int>(p_.bits));
    }
  }
  void decode(const std::vector<std::uint8_t>& bytes, const CodecBlock&, RowsRef rows) override {
    BitReader in(bytes);
    std::vector<float> x(static_cast<std::size_t>(width_));
    for (std::int64_t t = 0; t < rows.rows; ++t) {
      for (std::int64_t c = 0; c < width_; c += p_.group)
        get_even(in, x.data() + c, 1, p_.group, static_cast<int>(p_.bits));
      turn(x);
      for (std::size_t c = 0; c < x.size(); ++c) rows.at(t, order_[c]) = x[c];
    }
  }
  Cost cost() const override {
    double butterflies = 1;  // the norm
    for (std::int64_t n = together_; n > 1 && p_.rotate; n /= 2) ++butterflies;
    return {4 + butterflies, 2 + butterflies};
  }

 private:
  void turn(std::vector<float>& x) const {
    if (!p_.rotate) return;
    for (std::int64_t c = 0; c < width_; c += together_) walsh(x.data() + c, together_);
  }
  // The largest channels of each set of heads are dealt out to its rotations in turn.
  void deal(const Table& rows) {
    std::vector<double> size(static_cast<std::size_t>(width_), 0.0);
    for (std::int64_t t = 0; t < rows.rows; ++t)
      for (std::size_t c = 0; c < size.size(); ++c)
        size[c] = std::max(size[c], std::fabs(static_cast<double>(rows.row(t)[c])));
    const std::int64_t wide = width_ / sets_;
    for (std::int64_t from = 0; from < width_; from += wide) {
      std::vector<std::int64_t> sorted(static_cast<std::size_t>(wide));
      std::iota(sorted.begin(), sorted.end(), from);
      std::stable_sort(sorted.begin(), sorted.end(), [&](std::int64_t a, std::int64_t b) {
        return size[static_cast<std::size_t>(a)] > size[static_cast<std::size_t>(b)];
      });
      const std::int64_t hands = wide / together_;
      for (std::int64_t i = 0; i < wide; ++i)
        order_[static_cast<std::size_t>(from + i % hands * together_ + i / hands)] =
            sorted[static_cast<std::size_t>(i)];
    }
  }
  Params p_;
  bool keys_;
  std::int64_t width_, together_ = 1, sets_ = 1;
  std::vector<std::int64_t> order_;
};
TERRACE_REGISTER(KvCodec, Rotated, "rotated", "reordered and rotated, then quantised by token");

}  // namespace
}  // namespace terrace
