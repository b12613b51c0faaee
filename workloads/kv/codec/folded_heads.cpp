// Some KV heads of a layer become fewer: side by side they keep the directions of so many heads.
// Source: Yu et al., "Effectively Compress KV Heads for LLM", arXiv 2406.07056: SVD of the captured
// keys (values) of each group of heads; bases folded into the projections, for keys with RoPE
// applied after they are read. State: a basis for each group.
#include "workloads/kv/codec/subspace.h"

namespace terrace {
namespace {

class FoldedHeads final : public KvCodec {
 public:
  struct Params {
    std::int64_t heads = 2, into = 1, tokens = 1024;
    static void fields(Schema<Params>& s) {
      s.field("heads", &Params::heads, "KV heads of a group").at_least(1);
      s.field("into", &Params::into, "heads that are left of them").at_least(1);
      s.field("calibration_tokens", &Params::tokens, "of captured text that it is given, at most")
          .at_least(1);
    }
  };
  FoldedHeads(const Params& params, const Context& context)
      : keys_(context.side == HeadCache::key), group_(params.heads * context.shape.head_dim) {
    if (context.shape.kv_heads % params.heads != 0)
      throw BuildError("heads", std::to_string(params.heads) + " do not divide the " +
                                    std::to_string(context.shape.kv_heads) + " KV heads");
    if (params.into > params.heads) throw BuildError("into", "more heads than there were");
    const Table rows = calibration_rows(context, span(), params.tokens);
    for (std::int64_t c = 0; c < rows.cols; c += group_)
      groups_.emplace_back(
          Subspace::strongest({rows.data.data() + c, rows.rows, group_, rows.cols}),
          params.into * context.shape.head_dim);
  }

  CodecSpan span() const override {
    CodecSpan s;
    s.heads = true;
    s.before_rope = keys_;
    return s;
  }
  std::int64_t largest_block() const override { return 0; }
  void encode(const CodecBlock& block, std::vector<std::uint8_t>& bytes) override {
    std::vector<float> y(static_cast<std::size_t>(groups_[0].rank()));
    for (std::int64_t t = 0; t < block.rows.rows; ++t)
      for (std::size_t g = 0; g < groups_.size(); ++g) {
        groups_[g].project(block.rows.row(t) + static_cast<std::int64_t>(g) * group_, y.data());
        for (const float x : y) put_half(bytes, x);
      }
  }
  void decode(const std::vector<std::uint8_t>& bytes, const CodecBlock&, RowsRef rows) override {
    BitReader in(bytes);
    std::vector<float> y(static_cast<std::size_t>(groups_[0].rank()));
    for (std::int64_t t = 0; t < rows.rows; ++t)
      for (std::size_t g = 0; g < groups_.size(); ++g) {
        for (float& x : y) x = in.half();
        groups_[g].restore(y.data(), rows.row(t) + static_cast<std::int64_t>(g) * group_);
      }
  }
  double shared_bytes() const override {
    return static_cast<double>(groups_.size()) * groups_[0].bytes();
  }
  // Values fold into the output projection; keys are turned back to their heads before RoPE.
  Cost cost() const override {
    const double r = 2 * static_cast<double>(groups_[0].rank());
    return {0, keys_ ? r : 0, true};
  }

 private:
  bool keys_;
  std::int64_t group_;
  std::vector<Subspace> groups_;
};
TERRACE_REGISTER(KvCodec, FoldedHeads, "folded_heads", "some KV heads become fewer");

}  // namespace
}  // namespace terrace
