// The prompt's last token chooses once what stays for good; beside its choice a window of recent
// tokens slides along.
// Source: Wang et al., "LLMs know what to drop: self-attention guided KV cache eviction for
// efficient long-context inference" (SAGE-KV), arXiv 2503.08879: sinks, the top k by attention of
// the last token, and the recent window. State: one vote per entry, until the prompt's eviction;
// then a bit.
#include "workloads/kv/score/query_window.h"
#include "workloads/kv/score/score.h"

namespace terrace {
namespace {

class LastTokenChoice final : public KvScore {
 public:
  struct Params {
    std::int64_t recent = 64;
    static void fields(Schema<Params>& s) {
      s.field("recent", &Params::recent, "the prompt's last tokens, which begin the sliding window")
          .at_least(1);
    }
  };
  LastTokenChoice(const Params& params, const Context&) : recent_(params.recent) {}

  Cost cost() const override {
    Cost c;
    c.bits_per_entry = 1;
    return c;
  }
  void queries(const HeadChunk& chunk, std::vector<std::int32_t>& wanted) const override {
    if (chunk.phase == Phase::prefill) want_last(chunk, 1, wanted);
  }
  void appended(const HeadChunk& chunk, const HeadCache& cache) override {
    votes_.grow(cache.size());
    in_prompt_ = chunk.phase == Phase::prefill;
    if (in_prompt_) window_from_ = cache.positions().back() + 1 - recent_;
  }
  void attended(const Attended& a, const HeadCache& cache) override {
    if (a.phase == Phase::decode) return;
    for (std::int64_t i = 0; i < cache.size(); ++i)
      votes_[i] = a.probabilities.at(a.probabilities.rows - 1, i);
  }
  // At the prompt's end: window above votes. Later: chosen tokens above the window, which slides.
  void score(const HeadCache& cache, float* out) override {
    for (std::int64_t i = 0; i < cache.size(); ++i) {
      const std::int32_t at = cache.positions()[static_cast<std::size_t>(i)];
      const std::int64_t place = at - window_from_ + (in_prompt_ ? 2 : -longest);
      out[i] = at < window_from_ ? votes_[i] : static_cast<float>(place);
    }
  }
  void kept(const std::vector<std::int32_t>& slots) override { votes_.keep(slots); }

 private:
  static constexpr std::int64_t longest = 1 << 23;  // no sequence is; fp32 counts as far
  std::int64_t recent_, window_from_ = 0;
  bool in_prompt_ = true;
  EntryColumn votes_;
};
TERRACE_REGISTER(KvScore, LastTokenChoice, "last_token_choice",
                 "what the prompt's last token attends to, and a window that slides (SAGE-KV)");

}  // namespace
}  // namespace terrace
