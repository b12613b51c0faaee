// Of the layers' inputs X only what changes from one to the next is stored; keys and values are
// computed from their sum.
// Source: Tomar et al., "XQuant", arXiv 2508.10395, the cross-layer variant (XQuant-CL): the first
// layers' X by themselves at more bits, then low-bit differences from what the layer below has been
// restored to. assumed: no latent form for GQA; the accumulator lives on the chip while a step goes
// up the layers. State: the projections.
#include "workloads/kv/codec/inner_codec.h"
#include "workloads/kv/codec/projections.h"

namespace terrace {
namespace {

class LayerInputDeltas final : public KvCodec {
 public:
  struct Params {
    std::int64_t first = 3;
    Choice<KvCodec> x = Choice<KvCodec>::of("rtn"), delta = Choice<KvCodec>::of("rtn");
    static void fields(Schema<Params>& s) {
      s.field("first", &Params::first, "layers whose X is stored by itself").at_least(1);
      s.field("x", &Params::x, "how it is");
      s.field("delta", &Params::delta, "how differences are stored");
    }
  };
  LayerInputDeltas(const Params& params, const Context& context)
      : p_(params),
        shape_(context.shape),
        x_(params.x, context, context.shape.hidden),
        delta_(params.delta, context, context.shape.hidden) {
    if (context.side != HeadCache::key)
      throw BuildError("", "stores keys and values together: give it as the codec of the keys");
    for (std::int64_t l = 0; l < shape_.layers; ++l) {
      layers_.push_back(l);
      projections_.push_back(input_to_kv(context, l));
    }
  }

  CodecSpan span() const override {
    CodecSpan s;
    s.layers = layers_;
    s.heads = s.both = s.before_rope = s.inputs = true;
    return s;
  }
  std::int64_t block_tokens() const override {
    return std::max(x_.block_tokens(), delta_.block_tokens());
  }
  std::int64_t largest_block() const override { return 0; }
  void encode(const CodecBlock& block, std::vector<std::uint8_t>& bytes) override {
    Table sum(block.rows.rows, shape_.hidden), now = sum, back = sum;
    for (std::int64_t l = 0; l < shape_.layers; ++l) {
      const bool alone = l < p_.first;
      for (std::int64_t t = 0; t < now.rows; ++t)
        for (std::int64_t i = 0; i < now.cols; ++i)
          now.row(t)[i] = block.inputs.at(t, l * shape_.hidden + i) - (alone ? 0 : sum.row(t)[i]);
      std::vector<std::uint8_t> own;
      of(l).encode(now.view(), block.positions, own);
      of(l).decode(own, back.ref());
      bytes.insert(bytes.end(), own.begin(), own.end());
      for (std::size_t i = 0; i < sum.data.size(); ++i)
        sum.data[i] = back.data[i] + (alone ? 0 : sum.data[i]);
    }
  }
  void decode(const std::vector<std::uint8_t>& bytes, const CodecBlock&, RowsRef rows) override {
    Table sum(rows.rows, shape_.hidden), back = sum;
    const std::int64_t side = shape_.kv_heads * shape_.head_dim;
    std::vector<float> kv(static_cast<std::size_t>(2 * side));
    std::vector<std::uint8_t> own(bytes);
    for (std::int64_t l = 0; l < shape_.layers; ++l) {
      of(l).decode(own, back.ref());
      own.erase(own.begin(), own.begin() + static_cast<std::ptrdiff_t>(of(l).bytes_of(rows.rows)));
      for (std::size_t i = 0; i < sum.data.size(); ++i)
        sum.data[i] = back.data[i] + (l < p_.first ? 0 : sum.data[i]);
      for (std::int64_t t = 0; t < rows.rows; ++t) {
        times(sum.row(t), projections_[static_cast<std::size_t>(l)], kv.data());
        std::copy(kv.begin(), kv.begin() + side, rows.row(t) + l * side);
        std::copy(kv.begin() + side, kv.end(), rows.row(t) + (shape_.layers + l) * side);
      }
    }
  }
  Cost cost() const override { return {2, 2 * static_cast<double>(shape_.hidden), true}; }

 private:
  InnerCodec& of(std::int64_t layer) { return layer < p_.first ? x_ : delta_; }
  Params p_;
  KvShape shape_;
  InnerCodec x_, delta_;
  std::vector<std::int64_t> layers_;
  std::vector<Matrix> projections_;
};
TERRACE_REGISTER(KvCodec, LayerInputDeltas, "layer_input_deltas",
                 "what changes in X from layer to layer");

}  // namespace
}  // namespace terrace
