// A head's numbers as the frame of a video: 8-bit samples, tiles of 8 × 8 predicted from their
// neighbours, transformed, quantised and range coded, as a video encoder's still frame is.
// Source: Xu et al., "VcLLM: Video Codecs are Secretly Tensor Codecs", arXiv 2407.00467, which uses
// a GPU's H.265 units; step 2^((QP-4)/6) as in ITU-T H.265. State: none (statistics per block).
#include <array>
#include <cmath>

#include "workloads/kv/codec/calibration_rows.h"
#include "workloads/kv/codec/even_steps.h"
#include "workloads/kv/codec/range_coder.h"

namespace terrace {
namespace {

constexpr std::int64_t side = 8;
using Tile = std::array<float, side * side>;

// Orthonormal DCT-II of rows, then columns; or its inverse.
void transform(Tile& x, bool inverse) {
  static const Tile basis = [] {
    Tile b{};
    for (std::int64_t k = 0; k < side; ++k)
      for (std::int64_t i = 0; i < side; ++i)
        b[static_cast<std::size_t>(k * side + i)] =
            static_cast<float>(std::sqrt((k == 0 ? 1.0 : 2.0) / side) *
                               std::cos(M_PI * static_cast<double>(k) *
                                        (2.0 * static_cast<double>(i) + 1) / (2.0 * side)));
    return b;
  }();
  for (int pass = 0; pass < 2; ++pass) {  // multiplies and transposes, twice
    Tile y{};
    for (std::size_t r = 0; r < side; ++r)
      for (std::size_t k = 0; k < side; ++k)
        for (std::size_t i = 0; i < side; ++i)
          y[k * side + r] += x[r * side + i] * basis[inverse ? i * side + k : k * side + i];
    x = y;
  }
}

// How often each number came, so far: what both sides learn as they go.
class Learned {
 public:
  Learned() : counts_(2 * reach + 2, 0.05) { counts_[reach] = 1; }
  void put(RangeEncoder& out, std::int32_t x) {
    table().put(out, x);
    ++counts_[table_.symbol(x)];
  }
  std::int32_t get(RangeDecoder& in) {
    const std::int32_t x = table().get(in);
    ++counts_[table_.symbol(x)];
    return x;
  }

 private:
  const NumberTable& table() {
    if (since_++ % 16 == 0) table_ = NumberTable(reach, counts_);
    return table_;
  }
  static constexpr std::int32_t reach = 32;
  std::vector<double> counts_;
  NumberTable table_;
  std::int64_t since_ = 0;
};

class VideoFrame final : public KvCodec {
 public:
  struct Params {
    std::int64_t qp = 22;
    static void fields(Schema<Params>& s) {
      s.field("qp", &Params::qp, "quantisation parameter: 6 more double the step").between(0, 51);
    }
  };
  VideoFrame(const Params& params, const Context& context)
      : step_(static_cast<float>(std::exp2((static_cast<double>(params.qp) - 4) / 6))) {
    if (context.channels(span()) % side != 0)
      throw BuildError("", "a head's channels must be a multiple of 8");
  }
  std::int64_t block_tokens() const override { return side; }
  std::int64_t largest_block() const override { return 0; }

  void encode(const CodecBlock& block, std::vector<std::uint8_t>& bytes) override {
    const RowsView& x = block.rows;
    std::vector<float> all;
    for (std::int64_t t = 0; t < x.rows; ++t) all.insert(all.end(), x.row(t), x.row(t) + x.cols);
    const EvenSteps samples = EvenSteps::of(all.data(), 1, x.rows * x.cols, 8);
    put_half(bytes, samples.step);
    put_half(bytes, samples.zero);
    RangeEncoder out(bytes);
    code(x.rows, x.cols,
         [&](std::int64_t t, std::int64_t c, const Tile& predicted, auto& learned, Tile& tile) {
           for (std::size_t i = 0; i < tile.size(); ++i) {
             const auto row = static_cast<std::int64_t>(i) / side;
             tile[i] = static_cast<float>(
                           samples.code(x.at(t + row, c + static_cast<std::int64_t>(i) % side))) -
                       predicted[i];
           }
           transform(tile, false);
           for (std::size_t i = 0; i < tile.size(); ++i) {
             const auto q = static_cast<std::int32_t>(std::nearbyint(tile[i] / step_));
             learned[i / side + i % side].put(out, q);
             tile[i] = static_cast<float>(q) * step_;
           }
         });
    out.finish();
  }
  void decode(const std::vector<std::uint8_t>& bytes, const CodecBlock&, RowsRef rows) override {
    BitReader head(bytes);
    EvenSteps samples;
    samples.step = head.half();
    samples.zero = head.half();
    RangeDecoder in(bytes, 4);
    const Table frame =
        code(rows.rows, rows.cols,
             [&](std::int64_t, std::int64_t, const Tile&, auto& learned, Tile& tile) {
               for (std::size_t i = 0; i < tile.size(); ++i)
                 tile[i] = static_cast<float>(learned[i / side + i % side].get(in)) * step_;
             });
    for (std::int64_t t = 0; t < rows.rows; ++t)
      for (std::int64_t c = 0; c < rows.cols; ++c)
        rows.at(t, c) = samples.zero + samples.step * frame.row(t)[c];
  }
  Cost cost() const override { return {2 * 2 * side + 8, 2 * 2 * side + 8}; }

 private:
  // Tile by tile: `visit` puts what is left after prediction into quantised coefficients.
  template <class Visit>
  Table code(std::int64_t rows, std::int64_t cols, Visit&& visit) const {
    Table frame(rows, cols);
    std::array<Learned, 2 * side - 1> learned;  // by frequency
    for (std::int64_t t = 0; t < rows; t += side)
      for (std::int64_t c = 0; c < cols; c += side) {
        Tile predicted{}, tile{};
        // The row above continues downwards (channels differ more than tokens do); else the middle.
        for (std::size_t i = 0; i < tile.size(); ++i)
          predicted[i] = t > 0 ? frame.row(t - 1)[c + static_cast<std::int64_t>(i) % side] : 128.0F;
        visit(t, c, predicted, learned, tile);
        transform(tile, true);
        for (std::size_t i = 0; i < tile.size(); ++i)
          frame.row(t +
                    static_cast<std::int64_t>(i) / side)[c + static_cast<std::int64_t>(i) % side] =
              std::clamp(tile[i] + predicted[i], 0.0F, 255.0F);
      }
    return frame;
  }
  float step_;
};
TERRACE_REGISTER(KvCodec, VideoFrame, "video_frame", "a head's numbers as the frame of a video");

}  // namespace
}  // namespace terrace
