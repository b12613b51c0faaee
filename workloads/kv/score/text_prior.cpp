// Text before images: heavy hitters of the prompt, but any text token ranks above every image one.
// Source: Wan et al., "LOOK-M: look-once optimization in KV cache for efficient multimodal
// long-context inference", arXiv 2406.18139, section 3.2: the largest score is added to that of
// text tokens. What must go is merged (a `compact` member). Tokens without tags are text.
// State: a running sum per entry (fp32) and one bit, whether it is text.
#include <algorithm>

#include "workloads/kv/score/score.h"

namespace terrace {
namespace {

class TextPrior final : public KvScore {
 public:
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  TextPrior(const Params&, const Context&) {}

  Cost cost() const override {
    Cost c;
    c.bits_per_entry = 33;
    c.flops_per_entry = 2;
    return c;
  }
  void queries(const HeadChunk& chunk, std::vector<std::int32_t>& wanted) const override {
    for (std::int64_t t = 0; t < chunk.tokens; ++t) wanted.push_back(static_cast<std::int32_t>(t));
  }
  void appended(const HeadChunk& chunk, const HeadCache& cache) override {
    sums_.grow(cache.size());
    text_.grow(cache.size(), 1);
    for (std::int64_t t = 0; t < chunk.tokens && chunk.tags != nullptr; ++t)
      if ((chunk.tags[t] & token_tag::image) != 0) text_[cache.size() - chunk.tokens + t] = 0;
  }
  void attended(const Attended& a, const HeadCache& cache) override {
    for (std::int64_t r = 0; r < a.probabilities.rows; ++r)
      for (std::int64_t i = 0; i < cache.size(); ++i) sums_[i] += a.probabilities.at(r, i);
  }
  void score(const HeadCache& cache, float* out) override {
    float most = 0;
    for (std::int64_t i = 0; i < cache.size(); ++i) most = std::max(most, sums_[i]);
    for (std::int64_t i = 0; i < cache.size(); ++i) out[i] = sums_[i] + most * text_[i];
  }
  void kept(const std::vector<std::int32_t>& slots) override {
    sums_.keep(slots);
    text_.keep(slots);
  }

 private:
  EntryColumn sums_, text_;
};
TERRACE_REGISTER(KvScore, TextPrior, "text_prior",
                 "heavy hitters, text tokens before image tokens (LOOK-M)");

}  // namespace
}  // namespace terrace
