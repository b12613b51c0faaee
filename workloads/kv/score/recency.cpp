// The older a token, the sooner it goes: a sliding window, and with protected sinks StreamingLLM.
// Source: Xiao et al., "Efficient streaming language models with attention sinks", arXiv
// 2309.17453. State: none; an entry's position says it.
#include "workloads/kv/score/score.h"

namespace terrace {
namespace {

class Recency final : public KvScore {
 public:
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  Recency(const Params&, const Context&) {}

  void score(const HeadCache& cache, float* out) override {
    for (std::int64_t i = 0; i < cache.size(); ++i)
      out[i] = static_cast<float>(cache.positions()[static_cast<std::size_t>(i)]);
  }
};
TERRACE_REGISTER(KvScore, Recency, "recency", "the older a token, the sooner it goes");

}  // namespace
}  // namespace terrace
