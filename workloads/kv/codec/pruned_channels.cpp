// Key channels that matter little to the products with the last queries are left out.
// Source: Xu et al., "ThinK", arXiv 2407.21018, section 3.2: score of channel c = norm of q_c over
// the observation window times norm of k_c, summed over the query heads of a group; the best are
// kept by head. State: which channels, chosen once, when the first keys are coded; a bit for each
// stands in the first block.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "workloads/kv/codec/calibration_rows.h"
#include "workloads/kv/number_formats.h"

namespace terrace {
namespace {

class PrunedChannels final : public KvCodec {
 public:
  struct Params {
    double share = 0.6;
    std::int64_t window = 32;
    static void fields(Schema<Params>& s) {
      s.field("share", &Params::share, "of the head's channels that are kept").between(0.0, 1.0);
      s.field("window", &Params::window, "last queries that channels are scored by").at_least(1);
    }
  };
  PrunedChannels(const Params& params, const Context& context)
      : p_(params),
        width_(context.channels(span())),
        count_(static_cast<std::int64_t>(params.share * static_cast<double>(width_) + 1e-9)),
        squares_(static_cast<std::size_t>(width_), 1.0) {
    if (context.side != HeadCache::key) throw BuildError("", "leaves out channels of keys only");
    if (count_ < 1) throw BuildError("share", "no channel is left");
  }

  std::int64_t largest_block() const override { return 0; }
  void observed(std::int64_t, std::int64_t, const HeadChunk& chunk) override {
    if (!kept_.empty()) return;
    std::fill(squares_.begin(), squares_.end(), 0.0);
    const std::int64_t rows = chunk.q.rows, from = rows - std::min(rows, p_.window * chunk.group);
    for (std::int64_t i = from; i < rows; ++i)
      for (std::int64_t c = 0; c < width_; ++c)
        squares_[static_cast<std::size_t>(c)] += std::pow(chunk.q.at(i, c), 2);
  }
  void encode(const CodecBlock& block, std::vector<std::uint8_t>& bytes) override {
    if (kept_.empty()) {
      choose(block.rows);
      std::vector<std::uint8_t> mask(static_cast<std::size_t>(width_ + 7) / 8, 0);
      for (const std::int64_t c : kept_)
        mask[static_cast<std::size_t>(c / 8)] |= static_cast<std::uint8_t>(1 << c % 8);
      bytes.insert(bytes.end(), mask.begin(), mask.end());
    }
    for (std::int64_t t = 0; t < block.rows.rows; ++t)
      for (const std::int64_t c : kept_) put_half(bytes, block.rows.at(t, c));
  }
  void decode(const std::vector<std::uint8_t>& bytes, const CodecBlock&, RowsRef rows) override {
    BitReader in(bytes);
    const auto numbers = static_cast<std::size_t>(rows.rows * count_ * 2);
    for (std::size_t skip = bytes.size() - numbers; skip > 0; --skip) in.get(8);
    for (std::int64_t t = 0; t < rows.rows; ++t) {
      std::fill(rows.row(t), rows.row(t) + width_, 0.0F);
      for (const std::int64_t c : kept_) rows.at(t, c) = in.half();
    }
  }
  Cost cost() const override { return {2, 0}; }

 private:
  void choose(RowsView keys) {
    std::vector<double> score(squares_);
    for (std::int64_t c = 0; c < width_; ++c) {
      double k = 0;
      for (std::int64_t t = 0; t < keys.rows; ++t) k += std::pow(keys.at(t, c), 2);
      score[static_cast<std::size_t>(c)] *= k;
    }
    std::vector<std::int64_t> order(static_cast<std::size_t>(width_));
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
      return score[static_cast<std::size_t>(a)] > score[static_cast<std::size_t>(b)];
    });
    kept_.assign(order.begin(), order.begin() + count_);
    std::sort(kept_.begin(), kept_.end());
  }
  Params p_;
  std::int64_t width_, count_;
  std::vector<double> squares_;
  std::vector<std::int64_t> kept_;
};
TERRACE_REGISTER(KvCodec, PrunedChannels, "pruned_channels", "key channels that queries need");

}  // namespace
}  // namespace terrace
