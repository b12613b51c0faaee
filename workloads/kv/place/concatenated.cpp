// A loop without a cache manager, the baseline of many papers: every step makes each layer's tensor
// anew, one token longer, copies it once for every query head of a KV head, and attends with a
// product, a softmax and a product whose probabilities go through memory.
// Source: Hugging Face Transformers' DynamicCache.update (torch.cat), repeat_kv and
// eager_attention_forward. State: none.
#include <algorithm>

#include "workloads/kv/place/place.h"

namespace terrace {
namespace {

class Concatenated final : public KvPlace {
 public:
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  Concatenated(const Params&, const Context& context) : KvPlace(context) {}

  void plan(const HeadChunk& chunk, const HeadCache& cache, const Selection& chosen,
            AccessPlan& out) const override {
    const std::size_t first = out.size();
    KvPlace::plan(chunk, cache, chosen, out);
    const double copies = chunk.group > 1 ? static_cast<double>(chunk.group) : 0;
    const double whole = out[first].bytes, n = static_cast<double>(cache.size());
    const double old = whole * (1 - static_cast<double>(chunk.tokens) / n);
    if (copies > 0) out[first].bytes *= copies;
    out[first].runs = 2 * std::max(1.0, copies);  // dense tensors
    const auto add = [&](KvWork work, bool writes, double bytes, double flops) {
      PlanItem i = out[first];
      i.work = work;
      i.writes = writes;
      i.bytes = bytes;
      i.flops = flops;
      out.push_back(i);
    };
    add(KvWork::compact, false, old + (copies > 0 ? whole : 0), 0);
    add(KvWork::compact, true, whole * (1 + copies), 0);
    // Scores and probabilities in 16 bits: each written once and read once.
    const double scores = static_cast<double>(chunk.tokens * chunk.group) * n;
    add(KvWork::probabilities, true, 2 * 2 * scores, 0);
    add(KvWork::probabilities, false, 2 * 2 * scores, 5 * scores);
  }
};
TERRACE_REGISTER(KvPlace, Concatenated, "concatenated",
                 "tensors made anew at every step, attention without a fused kernel");

}  // namespace
}  // namespace terrace
