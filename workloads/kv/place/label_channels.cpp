// A narrow copy of every key, of the few channels that matter most on a calibration text, ranks
// all tokens at each step; the best are read whole. Read from below, they are fetched one layer
// ahead by the last layer's input (the simulator overlaps the copy; the choice is this layer's).
// Source: Yang et al., "Post-training sparse attention with double sparsity", arXiv 2408.07092.
// State: `channels` numbers of every key, at 16 bits or fewer with an fp16 step and zero a token.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "workloads/kv/attention_trace.h"
#include "workloads/kv/place/choosing_place.h"

namespace terrace {
namespace {

class LabelChannels final : public ChoosingPlace {
 public:
  struct Params : ReadSize {
    double channels = 0.0625;
    std::int64_t bits = 16;
    static void fields(Schema<Params>& s) {
      read_size_fields(s);
      s.field("channels", &Params::channels, "of a head's, as a share, in a label")
          .above(0.0)
          .at_most(1.0);
      s.field("bits", &Params::bits, "of a number of a label").one_of({2, 4, 8, 16});
    }
  };
  LabelChannels(const Params& params, const Context& context)
      : ChoosingPlace(params, context), p_(params) {
    const AttentionTrace& text = calibration_of(context);
    const KvShape& s = text.shape();
    const TraceTensors t = text.layer(context.layer);
    const RowsView& k = t.k[static_cast<std::size_t>(context.head)];
    std::vector<double> weight(static_cast<std::size_t>(s.head_dim), 0.0);
    for (std::int64_t g = 0; g < s.group(); ++g) {
      const RowsView& q = t.q[static_cast<std::size_t>(context.head * s.group() + g)];
      for (std::int64_t i = 0; i < q.rows; ++i)
        for (std::int64_t c = 0; c < s.head_dim; ++c)
          weight[static_cast<std::size_t>(c)] += std::fabs(q.at(i, c) * k.at(i, c));
    }
    const auto count =
        std::max<std::int64_t>(1, std::llround(p_.channels * static_cast<double>(s.head_dim)));
    channels_.resize(weight.size());
    std::iota(channels_.begin(), channels_.end(), 0);
    std::stable_sort(channels_.begin(), channels_.end(), [&](std::int32_t a, std::int32_t b) {
      return weight[static_cast<std::size_t>(a)] > weight[static_cast<std::size_t>(b)];
    });
    channels_.resize(static_cast<std::size_t>(count));
    std::sort(channels_.begin(), channels_.end());
    wide_ = whole_lanes(count);
  }

  double bits() const override { return static_cast<double>(rows()) * label_bits(); }
  void appended(const HeadChunk& chunk, const HeadCache& cache) override {
    for (std::int64_t slot = cache.size() - chunk.tokens; slot < cache.size(); ++slot) {
      const float* k = cache.keys().row(slot);
      labels_.resize(labels_.size() + static_cast<std::size_t>(wide_), 0.0F);
      narrow(k, labels_.data() + static_cast<std::int64_t>(labels_.size()) - wide_);
      if (p_.bits < 16) round(labels_.data() + static_cast<std::int64_t>(labels_.size()) - wide_);
    }
  }
  void kept(const std::vector<std::int32_t>& slots, const HeadCache&) override {
    for (std::size_t i = 0; i < slots.size(); ++i)
      std::copy_n(labels_.begin() + slots[i] * wide_, wide_,
                  labels_.begin() + static_cast<std::int64_t>(i) * wide_);
    labels_.resize(slots.size() * static_cast<std::size_t>(wide_));
  }
  void select(const HeadChunk& chunk, const HeadCache& cache, const Selection*,
              Selection& out) override {
    query_.assign(static_cast<std::size_t>(chunk.q.rows * wide_), 0.0F);
    for (std::int64_t r = 0; r < chunk.q.rows; ++r) narrow(chunk.q.row(r), &query_[at(r)]);
    const auto count = static_cast<std::int64_t>(channels_.size());
    best_of_group({query_.data(), chunk.q.rows, count, wide_},
                  {labels_.data(), cache.size(), count, wide_}, estimates_);
    choose(estimates_.data(), cache.size(), out);
  }
  void plan(const HeadChunk& chunk, const HeadCache& cache, const Selection& chosen,
            AccessPlan& out) const override {
    ChoosingPlace::plan(chunk, cache, chosen, out);
    const double new_labels = static_cast<double>(chunk.tokens) * label_bits() / 8;
    out.push_back(item(KvWork::select, KvTier::hot, new_labels, 1, 0));
    out.back().writes = true;
    if (chunk.phase == Phase::prefill) return;
    const auto numbers = static_cast<double>(rows()) * static_cast<double>(channels_.size());
    out.push_back(item(KvWork::select, KvTier::hot, bits() / 8, context_.layout.runs(rows()),
                       2.0 * static_cast<double>(chunk.q.rows) * numbers));
  }

 private:
  std::size_t at(std::int64_t row) const { return static_cast<std::size_t>(row * wide_); }
  std::int64_t rows() const { return static_cast<std::int64_t>(labels_.size()) / wide_; }
  double label_bits() const {
    return static_cast<double>(channels_.size()) * static_cast<double>(p_.bits) +
           (p_.bits < 16 ? 32 : 0);
  }
  void narrow(const float* from, float* to) const {
    for (std::size_t i = 0; i < channels_.size(); ++i) to[i] = from[channels_[i]];
  }
  void round(float* label) const {
    const auto n = static_cast<std::int64_t>(channels_.size());
    const float low = *std::min_element(label, label + n),
                high = *std::max_element(label, label + n);
    const float step = (high - low) / static_cast<float>((1 << p_.bits) - 1);
    for (std::int64_t i = 0; i < n && step > 0; ++i)
      label[i] = low + step * std::nearbyint((label[i] - low) / step);
  }
  Params p_;
  std::int64_t wide_ = 0;
  std::vector<std::int32_t> channels_;
  std::vector<float> labels_, query_, estimates_;
};
TERRACE_REGISTER(KvPlace, LabelChannels, "label_channels",
                 "the tokens that a few channels of their keys rank first (Double Sparsity)");

}  // namespace
}  // namespace terrace
