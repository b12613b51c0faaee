// Each head of a layer keeps as many directions as it needs: one after the other is dropped where
// the least is lost, until the layer is within its share.
// Source: Lin et al., "MatryoshkaKV", arXiv 2410.14731: orthogonal projections, truncated by head
// with a greedy search. The paper distils its projections; here they are where it starts from, the
// principal components of captured rows. State: a basis for each head.
#include "workloads/kv/codec/subspace.h"

namespace terrace {
namespace {

class Matryoshka final : public KvCodec {
 public:
  struct Params {
    double share = 0.4;
    std::int64_t step = 8, tokens = 1024;
    static void fields(Schema<Params>& s) {
      s.field("share", &Params::share, "of the layer's directions that are kept").between(0.0, 1.0);
      s.field("step", &Params::step, "directions that a head drops at once, as shares of 1/this")
          .at_least(1);
      s.field("calibration_tokens", &Params::tokens, "of captured text that it is given, at most")
          .at_least(1);
    }
  };
  Matryoshka(const Params& params, const Context& context)
      : keys_(context.side == HeadCache::key), dim_(context.shape.head_dim) {
    const Table rows = calibration_rows(context, span(), params.tokens);
    std::vector<Eigen> found;
    for (std::int64_t c = 0; c < rows.cols; c += dim_)
      found.push_back(Subspace::strongest({rows.data.data() + c, rows.rows, dim_, rows.cols}));
    const std::int64_t step = std::max<std::int64_t>(1, dim_ / params.step);
    std::vector<std::int64_t> rank(found.size(), dim_);
    std::int64_t all = rows.cols;
    const double most = params.share * static_cast<double>(rows.cols);
    while (static_cast<double>(all) > most + 1e-9) {
      std::size_t best = found.size();
      double least = 0;
      for (std::size_t h = 0; h < found.size(); ++h) {
        if (rank[h] <= step) continue;
        double lost = 0, total = 0;
        for (const double v : found[h].values) total += v;
        for (std::int64_t r = rank[h] - step; r < rank[h]; ++r)
          lost += found[h].values[static_cast<std::size_t>(r)] / std::max(total, 1e-30);
        if (best < found.size() && lost >= least) continue;
        best = h;
        least = lost;
      }
      if (best == found.size())
        throw BuildError("share", "each head keeps at least one step of directions");
      rank[best] -= step;
      all -= step;
    }
    for (std::size_t h = 0; h < found.size(); ++h) heads_.emplace_back(found[h], rank[h]);
  }

  CodecSpan span() const override {
    CodecSpan s;
    s.heads = true;
    s.before_rope = keys_;
    return s;
  }
  std::int64_t largest_block() const override { return 0; }
  void encode(const CodecBlock& block, std::vector<std::uint8_t>& bytes) override {
    std::vector<float> y(static_cast<std::size_t>(dim_));
    for (std::int64_t t = 0; t < block.rows.rows; ++t)
      for (std::size_t h = 0; h < heads_.size(); ++h) {
        heads_[h].project(block.rows.row(t) + static_cast<std::int64_t>(h) * dim_, y.data());
        for (std::int64_t r = 0; r < heads_[h].rank(); ++r)
          put_half(bytes, y[static_cast<std::size_t>(r)]);
      }
  }
  void decode(const std::vector<std::uint8_t>& bytes, const CodecBlock&, RowsRef rows) override {
    BitReader in(bytes);
    std::vector<float> y(static_cast<std::size_t>(dim_));
    for (std::int64_t t = 0; t < rows.rows; ++t)
      for (std::size_t h = 0; h < heads_.size(); ++h) {
        for (std::int64_t r = 0; r < heads_[h].rank(); ++r)
          y[static_cast<std::size_t>(r)] = in.half();
        heads_[h].restore(y.data(), rows.row(t) + static_cast<std::int64_t>(h) * dim_);
      }
  }
  double shared_bytes() const override {
    double sum = 0;
    for (const Subspace& head : heads_) sum += head.bytes();
    return sum;
  }
  Cost cost() const override {
    double ranks = 0;
    for (const Subspace& head : heads_) ranks += static_cast<double>(head.rank());
    const double r = 2 * ranks / static_cast<double>(heads_.size());
    return {r, r, true};
  }

 private:
  bool keys_;
  std::int64_t dim_;
  std::vector<Subspace> heads_;
};
TERRACE_REGISTER(KvCodec, Matryoshka, "matryoshka", "as many directions as each head needs");

}  // namespace
}  // namespace terrace
