// What a question that is known beforehand attends to: the prompt is read in chunks, and after each
// the question's queries say which of all tokens so far are worth carrying on.
// Sources: Corallo and Papotti, "FINCH: prompt-guided key-value cache compression", TACL 2024,
// arXiv 2408.00167 (sum over the question's tokens); Corallo et al., "Beyond RAG: task-aware KV
// cache compression for comprehensive knowledge reasoning", arXiv 2503.04973 (the question is a
// task description); Kim et al., "EpiCache", arXiv 2509.17396 (a text of the episode; the maximum).
// The queries have the rotation of their own place in the text. Where no question is known, the
// last `window` queries of the chunk stand in. State: the question's queries; after a prompt the
// scores stay, and entries that come later rank above all.
#include <algorithm>
#include <cmath>

#include "workloads/kv/attention_kernel.h"
#include "workloads/kv/score/query_window.h"
#include "workloads/kv/score/score.h"

namespace terrace {
namespace {

enum class Guidance : std::uint8_t { sum, max };

}  // namespace

template <>
struct EnumNames<Guidance> {
  static constexpr std::pair<const char*, Guidance> values[] = {{"sum", Guidance::sum},
                                                                {"max", Guidance::max}};
};

namespace {

class GuidedAttention final : public KvScore {
 public:
  struct Params {
    std::int64_t window = 32;
    Guidance over = Guidance::sum;
    static void fields(Schema<Params>& s) {
      s.field("window", &Params::window, "last queries of a chunk, where no question is known")
          .at_least(1);
      s.field("over", &Params::over, "the question's tokens: their sum, or the most of them");
    }
  };
  GuidedAttention(const Params& params, const Context& context)
      : p_(params), scale_(context.shape.scale) {}

  Cost cost() const override {
    Cost c;
    c.reads_keys = true;
    c.flops_per_entry = 2.0 * static_cast<double>(rows_ * dim_);
    return c;
  }
  void appended(const HeadChunk& chunk, const HeadCache& cache) override {
    scores_.grow(cache.size(), later);
    if (chunk.phase == Phase::decode) return;
    // Kept until room is made: the chunk's own rows are the caller's.
    const bool known = !chunk.guide.empty();
    const std::int64_t last = std::min(p_.window, chunk.tokens) * chunk.group;
    const RowsView q = known ? chunk.guide : chunk.q.from(chunk.q.rows - last, last);
    rows_ = q.rows;
    dim_ = q.cols;
    question_.assign(static_cast<std::size_t>(rows_ * dim_), 0.0F);
    for (std::int64_t r = 0; r < rows_; ++r)
      std::copy(q.row(r), q.row(r) + dim_, question_.data() + r * dim_);
    group_ = chunk.group;
    asked_ = true;
  }
  void score(const HeadCache& cache, float* out) override {
    if (asked_) ask(cache);
    for (std::int64_t i = 0; i < cache.size(); ++i) out[i] = scores_[i];
  }
  void kept(const std::vector<std::int32_t>& slots) override { scores_.keep(slots); }

 private:
  static constexpr float later = 1e30F;

  // Every token of the question sees every entry: it comes after all of them.
  void ask(const HeadCache& cache) {
    asked_ = false;
    const std::int64_t n = cache.size();
    std::vector<double> p(static_cast<std::size_t>(n)), mean(p.size());
    for (std::int64_t i = 0; i < n; ++i) scores_[i] = 0;
    for (std::int64_t r = 0; r < rows_; ++r) {
      const float* q = question_.data() + r * dim_;
      double most = -INFINITY, sum = 0;
      for (std::size_t i = 0; i < p.size(); ++i)
        most = std::max(
            most, p[i] = scale_ * dot(q, cache.keys().row(static_cast<std::int64_t>(i)), dim_));
      for (double& x : p) sum += x = std::exp(x - most);
      if (r % group_ == 0) std::fill(mean.begin(), mean.end(), 0.0);
      for (std::size_t i = 0; i < p.size(); ++i)
        mean[i] += p[i] / sum / static_cast<double>(group_);
      if (r % group_ + 1 < group_) continue;
      for (std::int64_t i = 0; i < n; ++i) {
        const auto x = static_cast<float>(mean[static_cast<std::size_t>(i)]);
        scores_[i] = p_.over == Guidance::sum ? scores_[i] + x : std::max(scores_[i], x);
      }
    }
  }

  Params p_;
  double scale_;
  std::int64_t rows_ = 0, dim_ = 0, group_ = 1;
  bool asked_ = false;
  std::vector<float> question_;
  EntryColumn scores_;
};
TERRACE_REGISTER(KvScore, GuidedAttention, "guided_attention",
                 "what a question known beforehand attends to (Finch)");

}  // namespace
}  // namespace terrace
