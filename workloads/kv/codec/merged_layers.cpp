// Two neighbouring layers share the direction of each token's vector, between their two; each has
// its own length, and tokens whose directions differ most stay as they are.
// Source: Liu et al., "MiniCache", arXiv 2405.14366: spherical interpolation with t = 0.6 from the
// middle layer on; a token is kept apart where its angle is above the smallest by more than
// 1 - retained of their spread. State: none.
#include <algorithm>
#include <cmath>

#include "workloads/kv/codec/calibration_rows.h"
#include "workloads/kv/codec/inner_codec.h"
#include "workloads/kv/number_formats.h"

namespace terrace {
namespace {

class MergedLayers final : public KvCodec {
 public:
  struct Params {
    double from = 0.5, t = 0.6, retained = 0.05;
    Choice<KvCodec> vectors = Choice<KvCodec>::of("fp16");
    static void fields(Schema<Params>& s) {
      s.field("from", &Params::from, "where pairs begin, as a share of the layers")
          .between(0.0, 1.0);
      s.field("t", &Params::t, "where the shared direction is: 0 at the lower layer's")
          .between(0.0, 1.0);
      s.field("retained", &Params::retained, "top part of the spread of angles that stays apart")
          .between(0.0, 1.0);
      s.field("vectors", &Params::vectors, "how shared directions, and layers alone, are stored");
    }
  };
  MergedLayers(const Params& params, const Context& context)
      : p_(params), dim_(context.shape.head_dim), inner_(params.vectors, context, dim_) {
    const auto from = static_cast<std::int64_t>(
        std::ceil(p_.from * static_cast<double>(context.shape.layers) - 1e-9));
    const std::int64_t l = context.layer;
    if (l >= from && (l - from) % 2 == 0 && l + 1 < context.shape.layers) layers_ = {l, l + 1};
  }

  CodecSpan span() const override {
    CodecSpan s;
    s.layers = layers_;
    return s;
  }
  std::int64_t block_tokens() const override { return inner_.block_tokens(); }
  std::int64_t largest_block() const override { return 0; }
  // Both read the shared directions; lengths and tokens apart are each its own. The directions are
  // nearly all there is.
  double read_share() const override { return 1; }

  void encode(const CodecBlock& block, std::vector<std::uint8_t>& bytes) override {
    const RowsView& x = block.rows;
    if (layers_.empty()) {
      inner_.encode(x, block.positions, bytes);
      return;
    }
    Table shared(x.rows, dim_);
    std::vector<float> length[2], angle;
    for (std::int64_t t = 0; t < x.rows; ++t) {
      const float *a = x.row(t), *b = a + dim_;
      length[0].push_back(norm(a));
      length[1].push_back(norm(b));
      float dot = 0;
      for (std::int64_t c = 0; c < dim_; ++c) dot += a[c] * b[c];
      const float lengths = length[0].back() * length[1].back();
      angle.push_back(std::acos(std::clamp(lengths > 0 ? dot / lengths : 1.0F, -1.0F, 1.0F)));
      between(a, b, length[0].back(), length[1].back(), angle.back(), shared.row(t));
    }
    const auto [low, high] = std::minmax_element(angle.begin(), angle.end());
    const double limit = *low + (1 - p_.retained) * static_cast<double>(*high - *low);
    std::vector<std::uint8_t> apart;
    for (const float w : angle) apart.push_back(*high > *low && w > limit ? 1 : 0);
    inner_.encode(shared.view(), block.positions, bytes);
    for (const auto& side : length)
      for (const float l : side) put_half(bytes, l);
    BitWriter marks(bytes);
    for (const std::uint8_t mark : apart) marks.put(mark, 1);
    marks.flush();
    for (std::int64_t t = 0; t < x.rows; ++t)
      for (std::int64_t c = 0; c < 2 * dim_ && apart[static_cast<std::size_t>(t)] != 0; ++c)
        put_half(bytes, x.at(t, c));
  }

  void decode(const std::vector<std::uint8_t>& bytes, const CodecBlock&, RowsRef rows) override {
    if (layers_.empty()) {
      inner_.decode(bytes, rows);
      return;
    }
    Table shared(rows.rows, dim_);
    inner_.decode(bytes, shared.ref());
    const std::vector<std::uint8_t> own(
        bytes.begin() + static_cast<std::ptrdiff_t>(inner_.bytes_of(rows.rows)), bytes.end());
    BitReader in(own);
    for (std::int64_t side = 0; side < 2; ++side)
      for (std::int64_t t = 0; t < rows.rows; ++t) {
        const float length = in.half(), one = norm(shared.row(t));
        for (std::int64_t c = 0; c < dim_; ++c)
          rows.at(t, side * dim_ + c) = one > 0 ? shared.row(t)[c] / one * length : 0;
      }
    std::vector<std::uint32_t> apart;
    for (std::int64_t t = 0; t < rows.rows; ++t) apart.push_back(in.get(1));
    in.align();
    for (std::int64_t t = 0; t < rows.rows; ++t)
      for (std::int64_t c = 0; c < 2 * dim_ && apart[static_cast<std::size_t>(t)] != 0; ++c)
        rows.at(t, c) = in.half();
  }
  Cost cost() const override { return {8, 3}; }

 private:
  float norm(const float* x) const {
    float sum = 0;
    for (std::int64_t c = 0; c < dim_; ++c) sum += x[c] * x[c];
    return std::sqrt(sum);
  }
  // Of length 1. Opposite or equal directions: on the straight line.
  void between(const float* a, const float* b, float la, float lb, float angle, float* to) const {
    const auto t = static_cast<float>(p_.t);
    const float s = std::sin(angle);
    const float fa = s > 1e-4F ? std::sin((1 - t) * angle) / s : 1 - t;
    const float fb = s > 1e-4F ? std::sin(t * angle) / s : t;
    for (std::int64_t c = 0; c < dim_; ++c)
      to[c] = (la > 0 ? fa * a[c] / la : 0) + (lb > 0 ? fb * b[c] / lb : 0);
  }
  Params p_;
  std::int64_t dim_;
  std::vector<std::int64_t> layers_;
  InnerCodec inner_;
};
TERRACE_REGISTER(KvCodec, MergedLayers, "merged_layers", "layers share directions, not lengths");

}  // namespace
}  // namespace terrace
