// Neighbouring layers use the keys and values of the lowest of them, all or those above some depth.
// Source: Brandon et al., "Reducing Transformer Key-Value Cache Size with Cross-Layer Attention",
// arXiv 2405.12981; AcrossKV of Qiao et al., "SwiftKV", arXiv 2410.03960. Both for models trained
// for it: for any other, capacity and reads are right, the output is not. State: none.
#include <cmath>

#include "workloads/kv/codec/inner_codec.h"

namespace terrace {
namespace {

class SharedLayers final : public KvCodec {
 public:
  struct Params {
    std::int64_t factor = 2;
    double from = 0;
    Choice<KvCodec> vectors = Choice<KvCodec>::of("fp16");
    static void fields(Schema<Params>& s) {
      s.field("factor", &Params::factor, "layers that share").at_least(1);
      s.field("from", &Params::from, "where sharing begins, as a share of the layers")
          .between(0.0, 1.0);
      s.field("vectors", &Params::vectors, "how they are stored");
    }
  };
  SharedLayers(const Params& params, const Context& context)
      : dim_(context.shape.head_dim), inner_(params.vectors, context, dim_) {
    const auto from = static_cast<std::int64_t>(
        std::ceil(params.from * static_cast<double>(context.shape.layers) - 1e-9));
    const std::int64_t most = context.layer < from ? 1 : params.factor;
    for (std::int64_t i = 0; i < most && context.layer + i < context.shape.layers; ++i)
      layers_.push_back(context.layer + i);
  }
  CodecSpan span() const override {
    CodecSpan s;
    s.layers = layers_;
    return s;
  }
  std::int64_t block_tokens() const override { return inner_.block_tokens(); }
  std::int64_t largest_block() const override { return 0; }
  double read_share() const override { return 1; }  // each layer reads all of it
  void encode(const CodecBlock& block, std::vector<std::uint8_t>& bytes) override {
    inner_.encode({block.rows.data, block.rows.rows, dim_, block.rows.stride}, block.positions,
                  bytes);
  }
  void decode(const std::vector<std::uint8_t>& bytes, const CodecBlock&, RowsRef rows) override {
    inner_.decode(bytes, {rows.data, rows.rows, dim_, rows.stride});
    for (std::int64_t t = 0; t < rows.rows; ++t)
      for (std::int64_t c = dim_; c < rows.cols; ++c) rows.at(t, c) = rows.at(t, c % dim_);
  }
  Cost cost() const override { return {0, 0}; }

 private:
  std::int64_t dim_;
  std::vector<std::int64_t> layers_;
  InnerCodec inner_;
};
TERRACE_REGISTER(KvCodec, SharedLayers, "shared_layers", "layers use the lowest one's entries");

}  // namespace
}  // namespace terrace
