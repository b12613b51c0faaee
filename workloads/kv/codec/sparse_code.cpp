// A vector is a few weighted rows of a dictionary, found by matching pursuit.
// Source: Zhang et al., "CSR", arXiv 2412.11741. Its dictionary is trained by back-propagation;
// here it is the least-squares one (method of optimal directions, Engan et al., ICASSP 1999) on
// captured text. State: the dictionary.
#include <cmath>

#include "sim/random.h"
#include "workloads/kv/codec/calibration_rows.h"
#include "workloads/kv/codec/linear_algebra.h"
#include "workloads/kv/number_formats.h"

namespace terrace {
namespace {

class SparseCode final : public KvCodec {
 public:
  struct Params {
    std::int64_t index_bits = 8, iterations = 2, tokens = 512;
    double bits = 1;
    static void fields(Schema<Params>& s) {
      s.field("bits", &Params::bits, "of a channel: terms = bits * channels / (index + weight)")
          .above(0.0);
      s.field("index_bits", &Params::index_bits, "the dictionary has 2^this rows").between(1, 12);
      s.field("iterations", &Params::iterations, "of the dictionary's fit").at_least(0);
      s.field("calibration_tokens", &Params::tokens, "of captured text that it is given, at most")
          .at_least(1);
    }
  };
  SparseCode(const Params& params, const Context& context)
      : p_(params),
        keys_(context.side == HeadCache::key),
        width_(context.channels(span())),
        terms_(static_cast<std::int64_t>(p_.bits * static_cast<double>(width_) /
                                         static_cast<double>(p_.index_bits + weight_bits))) {
    if (terms_ < 1) throw BuildError("bits", "too few for one index and its weight");
    const Table rows = calibration_rows(context, span(), p_.tokens);
    dictionary_ = k_means(rows.view(), std::int64_t{1} << p_.index_bits, 2, context.seed);
    RandomStream random(context.seed, "dictionary");
    for (float& x : dictionary_.data) x += 1e-3F * static_cast<float>(random.normal());
    unit();
    for (std::int64_t i = 0; i < p_.iterations; ++i) fit(rows);
  }

  CodecSpan span() const override {
    CodecSpan s;
    s.before_rope = keys_;
    return s;
  }
  std::int64_t largest_block() const override { return 0; }
  void encode(const CodecBlock& block, std::vector<std::uint8_t>& bytes) override {
    BitWriter out(bytes);
    for (std::int64_t t = 0; t < block.rows.rows; ++t) {
      const std::vector<Term> terms = pursue(block.rows.row(t));
      for (const Term& term : terms) {
        out.put(static_cast<std::uint32_t>(term.row), static_cast<int>(p_.index_bits));
        out.put(to_fp8_e4m3(term.weight), weight_bits);
      }
    }
  }
  void decode(const std::vector<std::uint8_t>& bytes, const CodecBlock&, RowsRef rows) override {
    BitReader in(bytes);
    for (std::int64_t t = 0; t < rows.rows; ++t) {
      std::fill(rows.row(t), rows.row(t) + width_, 0.0F);
      for (std::int64_t i = 0; i < terms_; ++i) {
        const float* d = dictionary_.row(in.get(static_cast<int>(p_.index_bits)));
        const float w = from_fp8_e4m3(static_cast<std::uint8_t>(in.get(weight_bits)));
        for (std::int64_t c = 0; c < width_; ++c) rows.at(t, c) += w * d[c];
      }
    }
  }
  double shared_bytes() const override {  // fp16
    return 2 * static_cast<double>(dictionary_.data.size());
  }
  Cost cost() const override {
    const auto terms = static_cast<double>(terms_);
    return {2 * terms * static_cast<double>(dictionary_.rows), 2 * terms};
  }

 private:
  static constexpr int weight_bits = 8;  // FP8 E4M3
  struct Term {
    std::int64_t row = 0;
    float weight = 0;
  };
  // What is left is matched with the row most like it, weight by weight as they are stored.
  std::vector<Term> pursue(const float* x) const {
    std::vector<float> left(x, x + width_);
    std::vector<Term> terms;
    while (static_cast<std::int64_t>(terms.size()) < terms_) {
      Term best;
      for (std::int64_t r = 0; r < dictionary_.rows; ++r) {
        float dot = 0;
        for (std::int64_t c = 0; c < width_; ++c)
          dot += left[static_cast<std::size_t>(c)] * dictionary_.row(r)[c];
        if (std::fabs(dot) > std::fabs(best.weight)) best = {r, dot};
      }
      best.weight = from_fp8_e4m3(to_fp8_e4m3(best.weight));
      for (std::int64_t c = 0; c < width_; ++c)
        left[static_cast<std::size_t>(c)] -= best.weight * dictionary_.row(best.row)[c];
      terms.push_back(best);
    }
    return terms;
  }
  void fit(const Table& rows) {
    Table codes(rows.rows, dictionary_.rows);
    for (std::int64_t t = 0; t < rows.rows; ++t)
      for (const Term& term : pursue(rows.row(t))) codes.row(t)[term.row] += term.weight;
    const Matrix best = least_squares(codes.view(), rows.view(), 1e-3);
    for (std::int64_t r = 0; r < dictionary_.rows; ++r) {
      double norm = 0;
      for (std::int64_t c = 0; c < width_; ++c) norm += best.at(r, c) * best.at(r, c);
      for (std::int64_t c = 0; c < width_ && norm > 1e-12; ++c)
        dictionary_.row(r)[c] = static_cast<float>(best.at(r, c));
    }
    unit();
  }
  void unit() {
    for (std::int64_t r = 0; r < dictionary_.rows; ++r) {
      float norm = 0;
      for (std::int64_t c = 0; c < width_; ++c)
        norm += dictionary_.row(r)[c] * dictionary_.row(r)[c];
      for (std::int64_t c = 0; c < width_; ++c)
        dictionary_.row(r)[c] = from_half(to_half(dictionary_.row(r)[c] / std::sqrt(norm)));
    }
  }
  Params p_;
  bool keys_;
  std::int64_t width_, terms_;
  Table dictionary_;
};
TERRACE_REGISTER(KvCodec, SparseCode, "sparse_code", "a few weighted rows of a dictionary");

}  // namespace
}  // namespace terrace
