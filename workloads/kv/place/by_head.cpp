// The whole cache lies below; heads come up one after the other, two buffers taking turns, and
// attention is exact.
// Source: Luo et al., "HeadInfer", arXiv 2502.12574, section 4: at 2^20 tokens of Llama-3-8B two of
// 256 heads, 1 of 128 GiB, are above. State: the buffers, told by the first head of the model.
#include "workloads/kv/place/choosing_place.h"

namespace terrace {
namespace {

class ByHead final : public ChoosingPlace {
 public:
  struct Params {
    std::int64_t buffers = 2;
    static void fields(Schema<Params>& s) {
      s.field("buffers", &Params::buffers, "heads that have room above").at_least(1);
    }
  };
  ByHead(const Params& params, const Context& context)
      : ChoosingPlace(all_below(), context), p_(params) {}

  double bits() const override {
    const bool first = context_.layer == 0 && context_.head == 0;
    return first ? static_cast<double>(p_.buffers) * head_bits_ : 0;
  }
  void appended(const HeadChunk&, const HeadCache& cache) override { measure(cache); }
  void kept(const std::vector<std::int32_t>&, const HeadCache& cache) override { measure(cache); }
  std::int64_t hot_entries(const HeadCache&) const override { return 0; }
  void plan(const HeadChunk& chunk, const HeadCache& cache, const Selection& chosen,
            AccessPlan& out) const override {
    KvPlace::plan(chunk, cache, chosen, out);
    const auto dim = static_cast<double>(cache.head_dim() * context_.raw_bits) / 8;
    const auto tokens = static_cast<double>(chunk.tokens);
    out.push_back(item(KvWork::write, KvTier::lower, 2 * tokens * dim, 2, 0));
    out.back().writes = true;
    const double old = static_cast<double>(cache.size()) - tokens;
    if (old <= 0) return;
    // All that was there before, keys and values in one stretch each.
    const double bytes = (cache.read_bits(HeadCache::key) + cache.read_bits(HeadCache::value)) / 8 *
                         old / static_cast<double>(cache.size());
    out.push_back(item(KvWork::fetch, KvTier::lower, bytes, 2, 0));
    out.push_back(item(KvWork::gather, KvTier::hot, bytes, 2, 0));
    out.back().writes = true;
  }

 private:
  static ReadSize all_below() {
    ReadSize s;
    s.tier = KvTier::lower;
    return s;
  }
  void measure(const HeadCache& cache) {
    head_bits_ = cache.bits(HeadCache::key) + cache.bits(HeadCache::value);
  }
  Params p_;
  double head_bits_ = 0;
};
TERRACE_REGISTER(KvPlace, ByHead, "by_head", "all below, brought up head by head (HeadInfer)");

}  // namespace
}  // namespace terrace
