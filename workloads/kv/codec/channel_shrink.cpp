// The keys (values) of all heads of a layer keep only some directions; what is left of a row is
// stored by another codec.
// Source: Wang et al., "CSKV", arXiv 2409.10593: low-rank K and V projections, fitted layer by
// layer to reproduce K and V; the recent window stays whole (bi-branch). The paper fits by descent;
// the least-squares optimum of the same error is this truncated SVD of captured rows. State: the
// basis, which is part of the weights (of the up projection).
#include "workloads/kv/codec/inner_codec.h"
#include "workloads/kv/codec/subspace.h"

namespace terrace {
namespace {

class ChannelShrink final : public KvCodec {
 public:
  struct Params {
    double share = 0.2;
    std::int64_t tokens = 1024;
    Choice<KvCodec> features = Choice<KvCodec>::of("fp16");
    static void fields(Schema<Params>& s) {
      s.field("share", &Params::share, "of the layer's channels that are kept").between(0.0, 1.0);
      s.field("features", &Params::features, "how what is left is stored");
      s.field("calibration_tokens", &Params::tokens, "of captured text that it is given, at most")
          .at_least(1);
    }
  };
  ChannelShrink(const Params& params, const Context& context)
      : keys_(context.side == HeadCache::key), width_(context.channels(span())) {
    const auto rank = static_cast<std::int64_t>(params.share * static_cast<double>(width_) + 1e-9);
    if (rank < 1) throw BuildError("share", "no channel of the layer is left");
    const Table rows = calibration_rows(context, span(), params.tokens);
    subspace_ = Subspace(Subspace::strongest(rows.view()), rank);
    inner_ = std::make_unique<InnerCodec>(params.features, context, rank);
  }

  CodecSpan span() const override {
    CodecSpan s;
    s.heads = true;
    s.before_rope = keys_;
    return s;
  }
  std::int64_t block_tokens() const override { return inner_->block_tokens(); }
  std::int64_t largest_block() const override { return 0; }
  void encode(const CodecBlock& block, std::vector<std::uint8_t>& bytes) override {
    Table y(block.rows.rows, subspace_.rank());
    for (std::int64_t t = 0; t < y.rows; ++t) subspace_.project(block.rows.row(t), y.row(t));
    inner_->encode(y.view(), block.positions, bytes);
  }
  void decode(const std::vector<std::uint8_t>& bytes, const CodecBlock&, RowsRef rows) override {
    Table y(rows.rows, subspace_.rank());
    inner_->decode(bytes, y.ref());
    for (std::int64_t t = 0; t < y.rows; ++t) subspace_.restore(y.row(t), rows.row(t));
  }
  double shared_bytes() const override { return subspace_.bytes(); }
  Cost cost() const override {
    const double r = 2 * static_cast<double>(subspace_.rank());
    return {r, r, true};
  }

 private:
  bool keys_;
  std::int64_t width_;
  Subspace subspace_;
  std::unique_ptr<InnerCodec> inner_;
};
TERRACE_REGISTER(KvCodec, ChannelShrink, "channel_shrink",
                 "all heads of a layer in fewer directions");

}  // namespace
}  // namespace terrace
