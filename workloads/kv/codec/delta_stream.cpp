// Tokens are coded as differences from the first of their group, in steps that grow with depth, by
// a range coder that knows how often each channel has each difference: a bit stream to be sent.
// Source: Liu et al., "CacheGen", arXiv 2310.07240, section 5.2: groups of 10 tokens, anchors in 8
// bits, bins of 0.5, 1 and 1.5 for the three thirds of the layers, distributions per layer and
// channel profiled once for the model. State: the distributions.
#include <cmath>

#include "workloads/kv/codec/calibration_rows.h"
#include "workloads/kv/codec/even_steps.h"
#include "workloads/kv/codec/range_coder.h"

namespace terrace {
namespace {

class DeltaStream final : public KvCodec {
 public:
  struct Params {
    std::int64_t group = 10, anchor_bits = 8, tokens = 1000;
    double first = 0.5, middle = 1, last = 1.5, level = 1;
    static void fields(Schema<Params>& s) {
      s.field("group", &Params::group, "tokens that share an anchor").at_least(1);
      s.field("anchor_bits", &Params::anchor_bits, "of a number of an anchor").between(2, 8);
      s.field("first", &Params::first, "step in the first third of the layers, in deviations")
          .above(0.0);
      s.field("middle", &Params::middle, "in the second third").above(0.0);
      s.field("last", &Params::last, "in the last third").above(0.0);
      s.field("level", &Params::level, "of compression: all steps times this").above(0.0);
      s.field("calibration_tokens", &Params::tokens, "of captured text that it is given, at most")
          .at_least(2);
    }
  };
  DeltaStream(const Params& params, const Context& context)
      : p_(params), width_(context.channels(span())) {
    const std::int64_t third = 3 * context.layer / context.shape.layers;
    const double bin = p_.level * (third == 0 ? p_.first : third == 1 ? p_.middle : p_.last);
    const Table rows = calibration_rows(context, span(), p_.tokens);
    std::vector<float> delta(static_cast<std::size_t>(rows.rows));
    for (std::int64_t c = 0; c < width_; ++c) {
      double squares = 0;
      for (std::int64_t t = 0; t < rows.rows; ++t) {
        const std::int64_t anchor = t / p_.group * p_.group;
        delta[static_cast<std::size_t>(t)] = rows.row(t)[c] - rows.row(anchor)[c];
        squares += std::pow(delta[static_cast<std::size_t>(t)], 2);
      }
      const double deviation = std::sqrt(squares / static_cast<double>(rows.rows));
      const float step = from_half(to_half(static_cast<float>(bin * deviation)));
      steps_.push_back(step > 0 ? step : 1);
      std::vector<double> counts(2 * reach + 2, 0.0);
      const NumberTable none(reach, counts);
      for (std::int64_t t = 0; t < rows.rows; ++t)
        if (t % p_.group != 0)
          ++counts[none.symbol(whole(delta[static_cast<std::size_t>(t)], steps_.back()))];
      tables_.emplace_back(reach, std::move(counts));
    }
  }

  std::int64_t block_tokens() const override { return p_.group; }
  std::int64_t largest_block() const override { return 0; }
  void encode(const CodecBlock& block, std::vector<std::uint8_t>& bytes) override {
    const RowsView& x = block.rows;
    const std::size_t begin = bytes.size();
    for (std::int64_t t = 0; t < x.rows; t += p_.group)
      put_even(bytes, x.row(t), 1, width_, static_cast<int>(p_.anchor_bits));
    const Table anchors = anchors_of(bytes, begin, x.rows);
    RangeEncoder out(bytes);
    for (std::int64_t t = 0; t < x.rows; ++t)
      for (std::int64_t c = 0; c < width_ && t % p_.group != 0; ++c)
        tables_[at(c)].put(out, whole(x.at(t, c) - anchors.row(t / p_.group)[c], steps_[at(c)]));
    out.finish();
  }
  void decode(const std::vector<std::uint8_t>& bytes, const CodecBlock&, RowsRef rows) override {
    const Table anchors = anchors_of(bytes, 0, rows.rows);
    RangeDecoder in(bytes, static_cast<std::size_t>(anchors.rows) * anchor_bytes());
    for (std::int64_t t = 0; t < rows.rows; ++t)
      for (std::int64_t c = 0; c < width_; ++c)
        rows.at(t, c) =
            anchors.row(t / p_.group)[c] +
            (t % p_.group == 0 ? 0 : steps_[at(c)] * static_cast<float>(tables_[at(c)].get(in)));
  }
  double shared_bytes() const override {  // steps, and 16 bits for each symbol
    return static_cast<double>(width_) * 2 * (1 + 2 * reach + 2);
  }
  Cost cost() const override { return {12, 12}; }  // assumed: a search in a table of 34 symbols

 private:
  static constexpr std::int32_t reach = 16;
  static std::size_t at(std::int64_t c) { return static_cast<std::size_t>(c); }
  static std::int32_t whole(float x, float step) {
    return static_cast<std::int32_t>(std::clamp(std::nearbyint(x / step), -8e6F, 8e6F));
  }
  std::size_t anchor_bytes() const { return at(4 + (width_ * p_.anchor_bits + 7) / 8); }
  Table anchors_of(const std::vector<std::uint8_t>& bytes, std::size_t begin,
                   std::int64_t tokens) const {
    const std::vector<std::uint8_t> own(bytes.begin() + static_cast<std::ptrdiff_t>(begin),
                                        bytes.end());
    Table anchors((tokens + p_.group - 1) / p_.group, width_);
    BitReader in(own);
    for (std::int64_t i = 0; i < anchors.rows; ++i)
      get_even(in, anchors.row(i), 1, width_, static_cast<int>(p_.anchor_bits));
    return anchors;
  }
  Params p_;
  std::int64_t width_;
  std::vector<float> steps_;
  std::vector<NumberTable> tables_;
};
TERRACE_REGISTER(KvCodec, DeltaStream, "delta_stream", "differences of tokens, range coded");

}  // namespace
}  // namespace terrace
