// Tokens stay or go by stretches: the prompt's last queries vote, and a stretch of consecutive
// tokens has the mean of its tokens' votes.
// Sources: Zuo et al., "WindowKV: task-adaptive group-wise KV cache window selection for efficient
// LLM inference", arXiv 2503.17922 (stretches of fixed length); Liu et al., "Can LLMs maintain
// fundamental abilities under KV cache compression?" (ShotKV), arXiv 2502.01941 (the shots of a
// prompt: a shot begins at a token tagged special; without such tags, stretches of `span`).
// State: a vote per entry for the last chunk; entries that came later rank above all.
#include "workloads/kv/score/query_window.h"
#include "workloads/kv/score/score.h"

namespace terrace {
namespace {

enum class SpanEnds : std::uint8_t { fixed, special };

}  // namespace

template <>
struct EnumNames<SpanEnds> {
  static constexpr std::pair<const char*, SpanEnds> values[] = {{"fixed", SpanEnds::fixed},
                                                                {"special", SpanEnds::special}};
};

namespace {

class SpanVote final : public KvScore {
 public:
  struct Params {
    std::int64_t window = 32, span = 8;
    SpanEnds ends = SpanEnds::fixed;
    static void fields(Schema<Params>& s) {
      s.field("window", &Params::window, "last queries of the prompt that vote").at_least(1);
      s.field("span", &Params::span, "tokens of a stretch").at_least(1);
      s.field("ends", &Params::ends, "where stretches begin: every so many, or at special tokens");
    }
  };
  SpanVote(const Params& params, const Context&) : p_(params) {}

  Cost cost() const override {
    Cost c;
    c.flops_per_entry = 1;
    return c;
  }
  void queries(const HeadChunk& chunk, std::vector<std::int32_t>& wanted) const override {
    if (chunk.phase == Phase::prefill) want_last(chunk, p_.window, wanted);
  }
  void appended(const HeadChunk& chunk, const HeadCache& cache) override {
    const std::int64_t own = cache.size() - chunk.tokens;
    votes_.grow(cache.size(), later);
    starts_.resize(static_cast<std::size_t>(own));
    for (std::int64_t t = 0; t < chunk.tokens; ++t) {
      const std::int32_t at = cache.positions()[static_cast<std::size_t>(own + t)];
      if (chunk.tags != nullptr && (chunk.tags[t] & token_tag::special) != 0) {
        start_ = at;
        tagged_ = true;
      }
      const auto fixed = static_cast<std::int32_t>(at - at % p_.span);
      starts_.push_back(p_.ends == SpanEnds::special && tagged_ ? start_ : fixed);
    }
    if (chunk.phase == Phase::prefill)  // a new chunk votes anew
      for (std::int64_t i = 0; i < cache.size(); ++i) votes_[i] = 0;
  }
  void attended(const Attended& a, const HeadCache& cache) override {
    if (a.phase == Phase::decode) return;
    for (std::int64_t r = 0; r < a.probabilities.rows; ++r)
      for (std::int64_t i = 0; i < cache.size(); ++i) votes_[i] += a.probabilities.at(r, i);
  }
  void score(const HeadCache& cache, float* out) override {
    const std::int64_t n = cache.size();
    const auto start = [this](std::int64_t i) { return starts_[static_cast<std::size_t>(i)]; };
    for (std::int64_t from = 0, to = 0; from < n; from = to) {
      double sum = 0;
      for (to = from; to < n && start(to) == start(from); ++to) sum += votes_[to];
      std::fill(out + from, out + to, static_cast<float>(sum / static_cast<double>(to - from)));
    }
  }
  void kept(const std::vector<std::int32_t>& slots) override {
    votes_.keep(slots);
    for (std::size_t i = 0; i < slots.size(); ++i)
      starts_[i] = starts_[static_cast<std::size_t>(slots[i])];
    starts_.resize(slots.size());
  }

 private:
  static constexpr float later = 1e30F;
  Params p_;
  EntryColumn votes_;
  std::vector<std::int32_t> starts_;  // of each entry's stretch: its first position
  std::int32_t start_ = 0;
  bool tagged_ = false;
};
TERRACE_REGISTER(KvScore, SpanVote, "span_vote",
                 "stretches of tokens by the mean vote of the last queries (WindowKV, ShotKV)");

}  // namespace
}  // namespace terrace
