// A vote: the last queries of a prompt say which tokens matter, and neighbours of those matter too.
// Source: Li et al., "SnapKV: LLM knows what you are looking for before generation", arXiv
// 2404.14469, section 4 and listing 1 (sum over the window, pooling, window itself always kept).
// State: the vote of the last chunk, one number per entry; entries that came later rank above all.
#include <algorithm>

#include "workloads/kv/score/score.h"

namespace terrace {
namespace {

enum class Pooling : std::uint8_t { none, max, mean };

}  // namespace

template <>
struct EnumNames<Pooling> {
  static constexpr std::pair<const char*, Pooling> values[] = {
      {"none", Pooling::none}, {"max", Pooling::max}, {"mean", Pooling::mean}};
};

namespace {

class ObservationWindow final : public KvScore {
 public:
  struct Params {
    std::int64_t window = 32, kernel = 7;
    Pooling pooling = Pooling::max;
    static void fields(Schema<Params>& s) {
      s.field("window", &Params::window, "last queries of the prompt that vote").at_least(1);
      s.field("kernel", &Params::kernel, "neighbours that share a vote; odd").at_least(1);
      s.field("pooling", &Params::pooling, "how neighbours share it");
    }
    void check(Checker& c) const {
      if (kernel % 2 == 0) c.fail("kernel", "must be odd: as many neighbours on either side");
    }
  };
  ObservationWindow(const Params& params, const Context&) : p_(params) {}

  Cost cost() const override {
    Cost c;
    c.flops_per_entry = p_.pooling == Pooling::none ? 0 : static_cast<double>(p_.kernel);
    return c;
  }
  void queries(const HeadChunk& chunk, std::vector<std::int32_t>& wanted) const override {
    if (chunk.phase == Phase::decode) return;
    for (std::int64_t t = std::max<std::int64_t>(0, chunk.tokens - p_.window); t < chunk.tokens;
         ++t)
      wanted.push_back(static_cast<std::int32_t>(t));
  }
  void appended(const HeadChunk& chunk, const HeadCache& cache) override {
    if (chunk.phase == Phase::prefill) votes_.clear();  // a new chunk votes anew
    votes_.resize(static_cast<std::size_t>(cache.size()), later);
    if (chunk.phase == Phase::prefill) std::fill(votes_.begin(), votes_.end(), 0.0F);
  }
  void attended(const Attended& a, const HeadCache&) override {
    if (a.phase == Phase::decode) return;
    for (std::int64_t r = 0; r < a.probabilities.rows; ++r)
      for (std::size_t i = 0; i < votes_.size(); ++i) votes_[i] += a.probabilities.row(r)[i];
  }
  void score(const HeadCache& cache, float* out) override {
    const std::int64_t n = cache.size();
    const std::int64_t reach = p_.pooling == Pooling::none ? 0 : p_.kernel / 2;
    for (std::int64_t i = 0; i < n; ++i) {
      const std::int64_t from = std::max<std::int64_t>(0, i - reach),
                         to = std::min(n, i + reach + 1);
      float most = votes_[static_cast<std::size_t>(from)], sum = 0;
      for (std::int64_t j = from; j < to; ++j) {
        most = std::max(most, votes_[static_cast<std::size_t>(j)]);
        sum += votes_[static_cast<std::size_t>(j)];
      }
      out[i] = p_.pooling == Pooling::mean ? sum / static_cast<float>(p_.kernel) : most;
    }
  }
  void kept(const std::vector<std::int32_t>& slots) override {
    for (std::size_t i = 0; i < slots.size(); ++i)
      votes_[i] = votes_[static_cast<std::size_t>(slots[i])];
    votes_.resize(slots.size());
  }

 private:
  static constexpr float later = 1e30F;
  Params p_;
  std::vector<float> votes_;
};
TERRACE_REGISTER(KvScore, ObservationWindow, "observation_window",
                 "what the last queries of the prompt attend to (SnapKV)");

}  // namespace
}  // namespace terrace
