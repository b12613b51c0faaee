// The layer's input X is stored instead of keys and values, which are computed from it when read.
// Source: Tomar et al., "XQuant", arXiv 2508.10395: X after its norm; with GQA, where X is wider
// than keys and values, X in the input directions of the key and of the value projection (their
// SVD), keys' by channel and values' by token. State: the projections, which are the model's.
#include <cmath>

#include "workloads/kv/codec/inner_codec.h"
#include "workloads/kv/codec/projections.h"

namespace terrace {
namespace {

class LayerInput final : public KvCodec {
 public:
  struct Params {
    bool latent = false;
    Choice<KvCodec> x = Choice<KvCodec>::of("fp16"), keys = Choice<KvCodec>::of("fp16"),
                    values = Choice<KvCodec>::of("fp16");
    static void fields(Schema<Params>& s) {
      s.field("latent", &Params::latent, "X in the directions that the projections see");
      s.field("x", &Params::x, "how X is stored");
      s.field("keys", &Params::keys, "how X is stored for keys, where latent");
      s.field("values", &Params::values, "how X is stored for values, where latent");
    }
  };
  LayerInput(const Params& params, const Context& context) {
    if (context.side != HeadCache::key)
      throw BuildError("", "stores keys and values together: give it as the codec of the keys");
    const KvShape& shape = context.shape;
    const std::int64_t side = shape.kv_heads * shape.head_dim;
    const Matrix w = input_to_kv(context, context.layer);
    if (!params.latent) {
      add(params.x, context, Matrix(), w);
      return;
    }
    const std::int64_t rank = std::min(side, shape.hidden);
    for (std::int64_t from = 0; from < 2 * side; from += side) {
      // W = U B with U orthonormal: from the SVD of W by the eigenvectors P of W^T W.
      Matrix own(shape.hidden, side), square(side, side);
      for (std::int64_t i = 0; i < shape.hidden; ++i)
        for (std::int64_t c = 0; c < side; ++c) own.at(i, c) = w.at(i, from + c);
      for (std::int64_t i = 0; i < shape.hidden; ++i)
        for (std::int64_t a = 0; a < side; ++a)
          for (std::int64_t b = 0; b < side; ++b) square.at(a, b) += own.at(i, a) * own.at(i, b);
      const Eigen e = eigen_symmetric(std::move(square));
      Matrix down(shape.hidden, rank), up(rank, side);
      for (std::int64_t r = 0; r < rank; ++r) {
        const double sigma = std::sqrt(e.values[static_cast<std::size_t>(r)]);
        for (std::int64_t c = 0; c < side; ++c) {
          up.at(r, c) = sigma * e.vectors.at(r, c);
          for (std::int64_t i = 0; i < shape.hidden && sigma > 1e-12; ++i)
            down.at(i, r) += own.at(i, c) * e.vectors.at(r, c) / sigma;
        }
      }
      add(from == 0 ? params.keys : params.values, context, std::move(down), std::move(up));
    }
  }

  CodecSpan span() const override {
    CodecSpan s;
    s.heads = s.both = s.before_rope = s.inputs = true;
    return s;
  }
  std::int64_t block_tokens() const override {
    std::int64_t most = 1;
    for (const Part& part : parts_) most = std::max(most, part.inner->block_tokens());
    return most;
  }
  std::int64_t largest_block() const override { return 0; }
  void encode(const CodecBlock& block, std::vector<std::uint8_t>& bytes) override {
    for (const Part& part : parts_) {
      Table y(block.rows.rows, part.up.rows);
      for (std::int64_t t = 0; t < y.rows; ++t)
        if (part.down.data.empty())
          std::copy(block.inputs.row(t), block.inputs.row(t) + y.cols, y.row(t));
        else
          times(block.inputs.row(t), part.down, y.row(t));
      part.inner->encode(y.view(), block.positions, bytes);
    }
  }
  void decode(const std::vector<std::uint8_t>& bytes, const CodecBlock&, RowsRef rows) override {
    std::vector<std::uint8_t> own(bytes);
    std::int64_t col = 0;
    for (const Part& part : parts_) {
      Table y(rows.rows, part.up.rows);
      part.inner->decode(own, y.ref());
      for (std::int64_t t = 0; t < y.rows; ++t) times(y.row(t), part.up, rows.row(t) + col);
      own.erase(own.begin(),
                own.begin() + static_cast<std::ptrdiff_t>(part.inner->bytes_of(rows.rows)));
      col += part.up.cols;
    }
  }
  Cost cost() const override {  // of each key or value number
    const double down =
        parts_[0].down.data.empty() ? 0 : 2 * static_cast<double>(parts_[0].down.rows);
    return {down, 2 * static_cast<double>(parts_[0].up.rows), true};
  }

 private:
  struct Part {
    Matrix down, up;
    std::unique_ptr<InnerCodec> inner;
  };
  void add(const Choice<KvCodec>& codec, const Context& context, Matrix down, Matrix up) {
    auto inner = std::make_unique<InnerCodec>(codec, context, up.rows);
    parts_.push_back({std::move(down), std::move(up), std::move(inner)});
  }
  std::vector<Part> parts_;
};
TERRACE_REGISTER(KvCodec, LayerInput, "layer_input", "X, from which keys and values are computed");

}  // namespace
}  // namespace terrace
