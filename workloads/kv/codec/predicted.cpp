// Keys are predicted from what is stored of the layer below, values from that and from the keys as
// stored; only what the linear maps miss is quantised.
// Source: Shutova et al., "Cache me if you must" (AQUA-KV), arXiv 2501.19392, section 3: maps
// fitted layer by layer on captured text as it is restored, so that errors are not amplified; the
// first layer is stored by itself at more bits; any quantiser. assumed: keys before RoPE; for the
// fit the layer below is restored by its quantiser alone, not by the whole chain of maps below it.
// State: the maps.
#include "workloads/kv/codec/inner_codec.h"
#include "workloads/kv/codec/projections.h"

namespace terrace {
namespace {

class Predicted final : public KvCodec {
 public:
  struct Params {
    Choice<KvCodec> first = Choice<KvCodec>::of("gaussian_grid"),
                    residual = Choice<KvCodec>::of("gaussian_grid");
    std::int64_t tokens = 1024;
    static void fields(Schema<Params>& s) {
      s.field("first", &Params::first, "how the lowest layer is stored");
      s.field("residual", &Params::residual, "how what is not predicted is stored");
      s.field("calibration_tokens", &Params::tokens, "of captured text that it is given, at most")
          .at_least(2);
    }
  };
  Predicted(const Params& params, const Context& context)
      : layer_(context.layer),
        side_(context.shape.kv_heads * context.shape.head_dim),
        inner_(context.layer == 0 ? params.first : params.residual, context, side_) {
    if (context.side != HeadCache::key)
      throw BuildError("", "stores keys and values together: give it as the codec of the keys");
    if (layer_ == 0) return;
    Context below = context;
    below.layer = layer_ - 1;
    const CodecSpan s = span();
    const std::int64_t unit = inner_.block_tokens();
    Table lower = whole(calibration_rows(below, s, params.tokens), unit);
    Table own = whole(calibration_rows(context, s, params.tokens), unit);
    InnerCodec under(layer_ == 1 ? params.first : params.residual, context, side_);
    through(under, half(lower, 0));
    through(under, half(lower, side_));
    CodecBlock block;
    block.reference = lower.view();
    to_keys_ = with_constant(half(lower, 0), {}, half(own, 0));
    const Table guess = predict(block, own.view(), 0);
    for (std::int64_t t = 0; t < own.rows; ++t)
      for (std::int64_t c = 0; c < side_; ++c) own.row(t)[c] -= guess.row(t)[c];
    through(inner_, half(own, 0));
    for (std::int64_t t = 0; t < own.rows; ++t)
      for (std::int64_t c = 0; c < side_; ++c) own.row(t)[c] += guess.row(t)[c];
    to_values_ = with_constant(half(lower, side_), half(own, 0), half(own, side_));
  }

  CodecSpan span() const override {
    CodecSpan s;
    s.heads = s.both = s.before_rope = true;
    s.reference = layer_ - 1;
    return s;
  }
  std::int64_t block_tokens() const override { return inner_.block_tokens(); }
  std::int64_t largest_block() const override { return 0; }
  void encode(const CodecBlock& block, std::vector<std::uint8_t>& bytes) override {
    Table back(block.rows.rows, 2 * side_);
    for (const std::int64_t from : {std::int64_t{0}, side_}) {
      const Table guess = predict(block, back.view(), from);
      Table left(guess.rows, side_);
      for (std::int64_t t = 0; t < left.rows; ++t)
        for (std::int64_t c = 0; c < side_; ++c)
          left.row(t)[c] = block.rows.at(t, from + c) - guess.row(t)[c];
      std::vector<std::uint8_t> own;
      inner_.encode(left.view(), block.positions, own);
      take(own, guess, from, back.ref());
      bytes.insert(bytes.end(), own.begin(), own.end());
    }
  }
  void decode(const std::vector<std::uint8_t>& bytes, const CodecBlock& block,
              RowsRef rows) override {
    const auto half = static_cast<std::ptrdiff_t>(inner_.bytes_of(rows.rows));
    for (const std::int64_t from : {std::int64_t{0}, side_}) {
      const std::vector<std::uint8_t> own(bytes.begin() + (from == 0 ? 0 : half),
                                          from == 0 ? bytes.begin() + half : bytes.end());
      take(own, predict(block, rows, from), from, rows);
    }
  }
  double shared_bytes() const override {  // fp16
    return 2 * static_cast<double>(to_keys_.data.size() + to_values_.data.size());
  }
  Cost cost() const override {
    const double flops = static_cast<double>(to_keys_.rows + to_values_.rows);  // 2 × their mean
    return {flops + 8, flops + 8, true};
  }

 private:
  RowsRef half(Table& rows, std::int64_t from) const {
    return {rows.data.data() + from, rows.rows, side_, rows.cols};
  }
  static Table whole(Table rows, std::int64_t unit) {  // whole blocks of tokens
    rows.rows = rows.rows / unit * unit;
    if (rows.rows == 0) throw BuildError("", "the calibration trace is shorter than a block");
    return rows;
  }
  static void through(InnerCodec& codec, RowsRef rows) {
    std::vector<std::uint8_t> bytes;
    codec.encode(rows, nullptr, bytes);
    codec.decode(bytes, rows);
  }
  static Matrix with_constant(RowsView a, RowsView b, RowsView target) {
    Table x(a.rows, a.cols + b.cols + 1);
    for (std::int64_t t = 0; t < x.rows; ++t) {
      std::copy(a.row(t), a.row(t) + a.cols, x.row(t));
      if (b.cols > 0) std::copy(b.row(t), b.row(t) + b.cols, x.row(t) + a.cols);
      x.row(t)[x.cols - 1] = 1;
    }
    return least_squares(x.view(), target, 1e-4);
  }
  // Of the keys (from 0), or of the values, which see the keys in `known`.
  Table predict(const CodecBlock& block, RowsView known, std::int64_t from) const {
    Table guess(known.rows, side_);
    if (layer_ == 0) return guess;
    std::vector<float> x;
    for (std::int64_t t = 0; t < guess.rows; ++t) {
      const float* below = block.reference.row(t) + from;
      x.assign(below, below + side_);
      if (from > 0) x.insert(x.end(), known.row(t), known.row(t) + side_);
      x.push_back(1);
      times(x.data(), from > 0 ? to_values_ : to_keys_, guess.row(t));
    }
    return guess;
  }
  void take(const std::vector<std::uint8_t>& own, const Table& guess, std::int64_t from,
            RowsRef rows) {
    inner_.decode(own, {rows.data + from, rows.rows, side_, rows.stride});
    for (std::int64_t t = 0; t < rows.rows; ++t)
      for (std::int64_t c = 0; c < side_; ++c) rows.at(t, from + c) += guess.row(t)[c];
  }
  std::int64_t layer_, side_;
  InnerCodec inner_;
  Matrix to_keys_, to_values_;
};
TERRACE_REGISTER(KvCodec, Predicted, "predicted", "what the layer below does not foretell");

}  // namespace
}  // namespace terrace
