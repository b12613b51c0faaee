// Keys of low L2 norm stay: they correlate with high attention, and no query is needed.
// Source: Devoto et al., "A simple and effective L2 norm-based strategy for KV cache compression",
// arXiv 2406.11430. State: the norm of every key (fp32), taken when it comes.
#include <cmath>

#include "workloads/kv/attention_kernel.h"
#include "workloads/kv/score/score.h"

namespace terrace {
namespace {

class L2Norm final : public KvScore {
 public:
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  L2Norm(const Params&, const Context&) {}

  Cost cost() const override {
    Cost c;
    c.bits_per_entry = 32;
    return c;
  }
  void appended(const HeadChunk& chunk, const HeadCache& cache) override {
    norms_.grow(cache.size());
    for (std::int64_t t = 0; t < chunk.tokens; ++t)
      norms_[cache.size() - chunk.tokens + t] =
          static_cast<float>(std::sqrt(dot(chunk.k.row(t), chunk.k.row(t), chunk.k.cols)));
  }
  void score(const HeadCache& cache, float* out) override {
    for (std::int64_t i = 0; i < cache.size(); ++i) out[i] = -norms_[i];
  }
  void kept(const std::vector<std::int32_t>& slots) override { norms_.keep(slots); }

 private:
  EntryColumn norms_;
};
TERRACE_REGISTER(KvScore, L2Norm, "l2_norm", "keys of low L2 norm stay");

}  // namespace
}  // namespace terrace
