// Keys and values of a head in a basis of few directions: for keys those of queries and keys
// together, so that their products are kept; as many as an error allows.
// Source: Saxena et al., "Eigen Attention", arXiv 2408.05646, section 3: SVD of captured [Q; K] and
// of V, the rank the least that holds a share 1 - error of the squares; with RoPE, keys are
// restored before it is applied. State: the bases.
#include "workloads/kv/codec/subspace.h"

namespace terrace {
namespace {

class EigenBasis final : public KvCodec {
 public:
  struct Params {
    double error = 0.05;
    std::int64_t tokens = 1024;
    static void fields(Schema<Params>& s) {
      s.field("error", &Params::error, "share of the squares that may be lost").between(0.0, 1.0);
      s.field("calibration_tokens", &Params::tokens, "of captured text that it is given, at most")
          .at_least(1);
    }
  };
  EigenBasis(const Params& params, const Context& context) : keys_(context.side == HeadCache::key) {
    Table rows = calibration_rows(context, span(), params.tokens);
    if (keys_) {
      const Table queries = calibration_queries(context, true, params.tokens);
      rows.data.insert(rows.data.end(), queries.data.begin(), queries.data.end());
      rows.rows += queries.rows;
    }
    const Eigen e = Subspace::strongest(rows.view());
    subspace_ = Subspace(e, Subspace::rank_for(e, 1 - params.error));
  }

  CodecSpan span() const override {
    CodecSpan s;
    s.before_rope = keys_;
    return s;
  }
  std::int64_t largest_block() const override { return 0; }
  void encode(const CodecBlock& block, std::vector<std::uint8_t>& bytes) override {
    std::vector<float> y(static_cast<std::size_t>(subspace_.rank()));
    for (std::int64_t t = 0; t < block.rows.rows; ++t) {
      subspace_.project(block.rows.row(t), y.data());
      for (const float x : y) put_half(bytes, x);
    }
  }
  void decode(const std::vector<std::uint8_t>& bytes, const CodecBlock&, RowsRef rows) override {
    BitReader in(bytes);
    std::vector<float> y(static_cast<std::size_t>(subspace_.rank()));
    for (std::int64_t t = 0; t < rows.rows; ++t) {
      for (float& x : y) x = in.half();
      subspace_.restore(y.data(), rows.row(t));
    }
  }
  double shared_bytes() const override { return subspace_.bytes(); }
  Cost cost() const override {  // values fold into the output projection
    return {0, keys_ ? 2 * static_cast<double>(subspace_.rank()) : 0, true};
  }

 private:
  bool keys_;
  Subspace subspace_;
};
TERRACE_REGISTER(KvCodec, EigenBasis, "eigen", "few directions of queries and keys together");

}  // namespace
}  // namespace terrace
