// What the last few queries attend to, asked anew at every step: tokens that go together with the
// recent ones stay.
// Source: Ghadia et al., "Dialogue without limits: constant-sized KV caches for extended responses
// in LLMs" (MorphKV), arXiv 2503.00979: attention of the recent window fused by sum or maximum.
// State: the attention of each query of the window, per entry (fp16).
#include "workloads/kv/score/query_window.h"
#include "workloads/kv/score/score.h"

namespace terrace {
namespace {

enum class Fusion : std::uint8_t { sum, max };

}  // namespace

template <>
struct EnumNames<Fusion> {
  static constexpr std::pair<const char*, Fusion> values[] = {{"sum", Fusion::sum},
                                                              {"max", Fusion::max}};
};

namespace {

class RecentQueries final : public KvScore {
 public:
  struct Params {
    std::int64_t window = 32;
    Fusion fusion = Fusion::sum;
    static void fields(Schema<Params>& s) {
      s.field("window", &Params::window, "last queries that are asked").at_least(1);
      s.field("fusion", &Params::fusion, "how their attention becomes one number");
    }
  };
  RecentQueries(const Params& params, const Context&)
      : fusion_(params.fusion), attention_(params.window) {}

  Cost cost() const override {
    Cost c;
    c.bits_per_entry = 16.0 * static_cast<double>(attention_.window());
    c.flops_per_entry = static_cast<double>(attention_.window());
    return c;
  }
  void queries(const HeadChunk& chunk, std::vector<std::int32_t>& wanted) const override {
    want_last(chunk, attention_.window(), wanted);
  }
  void appended(const HeadChunk&, const HeadCache& cache) override {
    attention_.grow(cache.size());
  }
  void attended(const Attended& a, const HeadCache&) override {
    for (std::int64_t r = 0; r < a.probabilities.rows; ++r) {
      const float* row = a.probabilities.row(r);
      attention_.push([row](std::size_t i) { return row[i]; });
    }
  }
  void score(const HeadCache& cache, float* out) override {
    const bool sum = fusion_ == Fusion::sum;
    for (std::int64_t i = 0; i < cache.size(); ++i) {
      float fused = 0;
      attention_.each(static_cast<std::size_t>(i),
                      [&fused, sum](float p) { fused = sum ? fused + p : std::max(fused, p); });
      out[i] = fused;
    }
  }
  void kept(const std::vector<std::int32_t>& slots) override { attention_.keep(slots); }

 private:
  Fusion fusion_;
  QueryWindow<float> attention_;
};
TERRACE_REGISTER(KvScore, RecentQueries, "recent_queries",
                 "what the last few queries attend to, at every step (MorphKV)");

}  // namespace
}  // namespace terrace
