// What a coarse quantiser leaves is made good by a matrix of low rank, and outliers are taken out
// before: X = quantised(X - S) + A B^T + S.
// Source: Kang et al., "GEAR", arXiv 2403.05527, section 3: of each key channel (value token) the
// sparsity/2 largest and smallest numbers are S; the residual of each head gets rank r by power
// iteration. State: none.
#include <cmath>
#include <numeric>

#include "workloads/kv/codec/calibration_rows.h"
#include "workloads/kv/codec/inner_codec.h"
#include "workloads/kv/codec/power_iteration.h"
#include "workloads/kv/number_formats.h"

namespace terrace {
namespace {

class Gear final : public KvCodec {
 public:
  struct Params {
    Choice<KvCodec> backbone = Choice<KvCodec>::of("rtn");
    std::int64_t rank = 4, index_bits = 16, iterations = 4;
    double sparsity = 0.02;
    static void fields(Schema<Params>& s) {
      s.field("backbone", &Params::backbone, "the coarse quantiser");
      s.field("rank", &Params::rank, "of the residual, in fp16; 0: none").at_least(0);
      s.field("sparsity", &Params::sparsity, "share of numbers that are kept in fp16")
          .between(0.0, 1.0);
      s.field("index_bits", &Params::index_bits, "of the place of such a number in its vector")
          .between(1, 16);
      s.field("iterations", &Params::iterations, "of the power iteration").at_least(1);
    }
  };
  Gear(const Params& params, const Context& context)
      : p_(params),
        width_(context.channels(span())),
        by_channel_(context.side == HeadCache::key),
        seed_(context.seed),
        inner_(params.backbone, context, width_) {}

  std::int64_t block_tokens() const override { return inner_.block_tokens(); }
  std::int64_t largest_block() const override { return 0; }

  void encode(const CodecBlock& block, std::vector<std::uint8_t>& bytes) override {
    const std::int64_t n = block.rows.rows;
    check_index(n);
    Table dense(n, width_), back(n, width_);
    for (std::int64_t t = 0; t < n; ++t)
      std::copy(block.rows.row(t), block.rows.row(t) + width_, dense.row(t));
    const std::vector<std::int64_t> out = take_outliers(dense);
    inner_.encode(dense.view(), block.positions, bytes);
    inner_.decode(bytes, back.ref());
    for (std::size_t i = 0; i < dense.data.size(); ++i) dense.data[i] -= back.data[i];
    Table a, b;
    power_iteration(dense, p_.rank, p_.iterations, seed_, a, b);
    for (const float x : a.data) put_half(bytes, x);
    for (const float x : b.data) put_half(bytes, x);
    const std::int64_t length = by_channel_ ? n : width_;
    BitWriter indices(bytes);
    for (const std::int64_t at : out)
      indices.put(static_cast<std::uint32_t>((by_channel_ ? at / width_ : at % width_) % length),
                  static_cast<int>(p_.index_bits));
    indices.flush();
    for (const std::int64_t at : out) put_half(bytes, block.rows.at(at / width_, at % width_));
  }

  void decode(const std::vector<std::uint8_t>& bytes, const CodecBlock&, RowsRef rows) override {
    inner_.decode(bytes, rows);
    const std::vector<std::uint8_t> own(
        bytes.begin() + static_cast<std::ptrdiff_t>(inner_.bytes_of(rows.rows)), bytes.end());
    BitReader in(own);
    Table a(rows.rows, p_.rank), b(width_, p_.rank);
    for (float& x : a.data) x = in.half();
    for (float& x : b.data) x = in.half();
    for (std::int64_t t = 0; t < rows.rows; ++t)
      for (std::int64_t c = 0; c < width_; ++c)
        for (std::int64_t r = 0; r < p_.rank; ++r) rows.at(t, c) += a.row(t)[r] * b.row(c)[r];
    const std::int64_t vectors = by_channel_ ? width_ : rows.rows;
    const std::int64_t each = kept(by_channel_ ? rows.rows : width_);
    std::vector<std::int64_t> index;
    for (std::int64_t i = 0; i < vectors * each; ++i)
      index.push_back(in.get(static_cast<int>(p_.index_bits)));
    in.align();
    for (std::int64_t i = 0; i < vectors * each; ++i) {
      const std::int64_t v = i / each, at = index[static_cast<std::size_t>(i)];
      rows.at(by_channel_ ? at : v, by_channel_ ? v : at) = in.half();
    }
  }
  Cost cost() const override {
    const double r = static_cast<double>(p_.rank);
    return {6 + 4 * r * static_cast<double>(p_.iterations), 2 + 2 * r};
  }

 private:
  std::int64_t kept(std::int64_t length) const {
    // Half of them largest, half smallest: an even number.
    return 2 *
           static_cast<std::int64_t>(std::nearbyint(p_.sparsity * static_cast<double>(length) / 2));
  }
  void check_index(std::int64_t n) const {
    if ((by_channel_ ? n : width_) > std::int64_t{1} << p_.index_bits)
      throw BuildError("index_bits", "too few for blocks of " + std::to_string(n) + " tokens");
  }
  // Outliers become 0 in `x`; where they were, vector by vector.
  std::vector<std::int64_t> take_outliers(Table& x) const {
    const std::int64_t vectors = by_channel_ ? x.cols : x.rows;
    const std::int64_t length = by_channel_ ? x.rows : x.cols, each = kept(length);
    std::vector<std::int64_t> out, order(static_cast<std::size_t>(length));
    for (std::int64_t v = 0; v < vectors && each > 0; ++v) {
      const auto at = [&](std::int64_t i) { return by_channel_ ? i * x.cols + v : v * x.cols + i; };
      std::iota(order.begin(), order.end(), 0);
      std::stable_sort(order.begin(), order.end(), [&](std::int64_t i, std::int64_t j) {
        return x.data[static_cast<std::size_t>(at(i))] < x.data[static_cast<std::size_t>(at(j))];
      });
      for (std::int64_t i = 0; i < each; ++i) {
        const std::int64_t place = i < each / 2 ? i : length - each + i;
        out.push_back(at(order[static_cast<std::size_t>(place)]));
      }
    }
    for (const std::int64_t i : out) x.data[static_cast<std::size_t>(i)] = 0;
    return out;
  }
  Params p_;
  std::int64_t width_;
  bool by_channel_;
  std::uint64_t seed_;
  InnerCodec inner_;
};
TERRACE_REGISTER(KvCodec, Gear, "gear", "coarse codes, a residual of low rank and outliers");

}  // namespace
}  // namespace terrace
