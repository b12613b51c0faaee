// A step reads the recent tokens and those that the last few steps attended to most. Beyond what
// the hot tier may hold the oldest lie below; of these a share is not kept but computed again from
// the layer's inputs, when it is chosen.
// Source: Zhao et al., "ALISA", arXiv 2403.17312: sparse window attention (section IV: half of the
// tokens recent, half by the local sum of attention) and token-level scheduling in three phases
// (section V). State: the attention of `steps` steps over all entries, at 16 bits.
#include <algorithm>
#include <cmath>

#include "workloads/kv/attention_kernel.h"
#include "workloads/kv/place/choosing_place.h"

namespace terrace {
namespace {

class LocalWindow final : public ChoosingPlace {
 public:
  struct Params : ReadShare {
    std::int64_t steps = 4;
    double recent_share = 0.5, recompute = 0;
    std::optional<std::int64_t> hot_tokens;
    static void fields(Schema<Params>& s) {
      read_share_fields(s);
      s.field("recent_share", &Params::recent_share, "of what is read, the last tokens")
          .between(0.0, 1.0);
      s.field("steps", &Params::steps, "whose attention is summed").at_least(1);
      s.field("hot_tokens", &Params::hot_tokens, "that the hot tier holds of a head; none: all")
          .at_least(0);
      s.field("recompute", &Params::recompute,
              "of the entries below, the oldest, as a share, that are not kept but computed again")
          .between(0.0, 1.0);
    }
  };
  LocalWindow(const Params& params, const Context& context)
      : ChoosingPlace(sized(params), context), p_(params) {}

  double bits() const override { return 16.0 * static_cast<double>(entries_ * p_.steps); }
  std::int64_t hot_entries(const HeadCache& cache) const override {
    return std::min(cache.size(), p_.hot_tokens.value_or(cache.size()));
  }
  // The prompt's last queries are the steps before the first.
  void appended(const HeadChunk& chunk, const HeadCache& cache) override {
    entries_ = cache.size();
    for (std::vector<float>& step : attention_)
      step.resize(static_cast<std::size_t>(entries_), 0.0F);
    if (chunk.phase == Phase::decode) return;
    for (std::int64_t t = std::max<std::int64_t>(0, chunk.tokens - p_.steps); t < chunk.tokens; ++t)
      remember(chunk.q.from(t * chunk.group, chunk.group), entries_ - chunk.tokens + t + 1, cache,
               Selection());
  }
  void kept(const std::vector<std::int32_t>& slots, const HeadCache& cache) override {
    entries_ = cache.size();
    for (std::vector<float>& step : attention_) {
      for (std::size_t i = 0; i < slots.size(); ++i)
        step[i] = step[static_cast<std::size_t>(slots[i])];
      step.resize(slots.size());
    }
  }
  void select(const HeadChunk& chunk, const HeadCache& cache, const Selection*,
              Selection& out) override {
    const std::int64_t n = cache.size();
    estimates_.assign(static_cast<std::size_t>(n), 0.0F);
    for (const std::vector<float>& step : attention_)
      for (std::int64_t i = 0; i < n; ++i)
        estimates_[static_cast<std::size_t>(i)] += step[static_cast<std::size_t>(i)];
    size_.recent = static_cast<std::int64_t>(p_.recent_share * static_cast<double>(size_.of(n)));
    choose(estimates_.data(), n, out);
    remember(chunk.q, n, cache, out);
  }
  void plan(const HeadChunk& chunk, const HeadCache& cache, const Selection& chosen,
            AccessPlan& out) const override {
    KvPlace::plan(chunk, cache, chosen, out);
    const std::int64_t n = cache.size(), below = n - hot_entries(cache);
    const auto dropped = static_cast<std::int64_t>(p_.recompute * static_cast<double>(below));
    if (chunk.phase == Phase::prefill) {
      if (below > dropped) write_below(std::min(chunk.tokens, below - dropped), cache, out);
      return;
    }
    const auto rows = static_cast<double>(chunk.q.rows);
    const double read =
        static_cast<double>(chosen.all ? n : static_cast<std::int64_t>(chosen.slots.size()));
    // Attention weights of what was read go out, and their sums over the last steps come in.
    out.push_back(item(KvWork::probabilities, KvTier::hot, 2 * rows * read, rows, 0));
    out.back().writes = true;
    out.push_back(item(KvWork::select, KvTier::hot, bits() / 8, static_cast<double>(p_.steps),
                       static_cast<double>(n * p_.steps)));
    if (below == 0) return;
    if (below > dropped) write_below(1, cache, out);
    Selection fetch;
    fetch.all = false;
    double again = 0;
    for (std::int64_t i = 0; i < below; ++i) {
      if (!chosen.all && !std::binary_search(chosen.slots.begin(), chosen.slots.end(), i)) continue;
      if (i < dropped)
        again += 1;
      else
        fetch.slots.push_back(static_cast<std::int32_t>(i));
    }
    if (!fetch.slots.empty()) {
      out.push_back(reads(cache, fetch, KvWork::fetch, KvTier::lower));
      out.push_back(item(KvWork::gather, KvTier::hot, out.back().bytes, 2, 0));
      out.back().writes = true;
    }
    if (again > 0) {  // a head's share of reading X; its columns of W_k and W_v
      const auto hidden = static_cast<double>(context_.shape.hidden);
      const auto heads = static_cast<double>(context_.shape.kv_heads);
      const auto dim = static_cast<double>(cache.head_dim());
      const double number = static_cast<double>(context_.raw_bits) / 8;
      out.push_back(item(KvWork::recompute, KvTier::hot,
                         number * hidden * (again / heads + 2 * dim), again / heads + 2,
                         4 * again * hidden * dim));
    }
  }

 private:
  static ReadSize sized(const Params& p) {
    ReadSize s;
    s.tokens = p.tokens;
    s.share = p.share;
    return s;
  }
  // The attention of a token's queries over the first n entries, mean over the query heads.
  void remember(RowsView q, std::int64_t n, const HeadCache& cache, const Selection& chosen) {
    const std::int64_t width = whole_lanes(n);
    std::vector<float> logits(static_cast<std::size_t>(q.rows * width));
    dot_rows(q, cache.keys().from(0, n), context_.shape.scale, {logits.data(), q.rows, n, width});
    if (static_cast<std::int64_t>(attention_.size()) >= p_.steps)
      attention_.erase(attention_.begin());
    std::vector<float>& now = attention_.emplace_back(static_cast<std::size_t>(entries_), 0.0F);
    std::vector<float> row;
    for (std::int64_t r = 0; r < q.rows; ++r) {
      row.assign(logits.begin() + r * width, logits.begin() + (r + 1) * width);
      if (!chosen.all) {
        std::vector<float> only(row.size(), -INFINITY);
        for (const std::int32_t s : chosen.slots)
          only[static_cast<std::size_t>(s)] = row[static_cast<std::size_t>(s)];
        row = only;
      }
      softmax(row.data(), n);
      for (std::int64_t i = 0; i < n; ++i)
        now[static_cast<std::size_t>(i)] +=
            row[static_cast<std::size_t>(i)] / static_cast<float>(q.rows);
    }
  }
  Params p_;
  std::int64_t entries_ = 0;
  std::vector<std::vector<float>> attention_;
  std::vector<float> estimates_;
};
TERRACE_REGISTER(KvPlace, LocalWindow, "local_window",
                 "recent tokens and those lately attended to; loaded or computed again (ALISA)");

}  // namespace
}  // namespace terrace
