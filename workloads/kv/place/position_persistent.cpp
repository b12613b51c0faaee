// A few layers attend to everything and choose; the layers above them read the tokens that the
// nearest of those below chose, unasked.
// Source: Yang et al., "TidalDecode", arXiv 2410.05076, algorithm 1: the first two layers read all,
// the third chooses, one in the middle chooses anew. State: none.
#include <algorithm>

#include "workloads/kv/place/choosing_place.h"

namespace terrace {
namespace {

class PositionPersistent final : public ChoosingPlace {
 public:
  struct Params : ReadSize {
    std::vector<std::int64_t> choose_at = {2, 13};
    static void fields(Schema<Params>& s) {
      read_size_fields(s);
      s.field("choose_at", &Params::choose_at,
              "layers, from 0, that read everything and choose for those above, ascending")
          .at_least(0)
          .not_empty();
    }
    void check(Checker& c) const {
      ReadSize::check(c);
      if (!std::is_sorted(choose_at.begin(), choose_at.end())) c.fail("choose_at", "not ascending");
      if (tier == KvTier::lower) c.fail("tier", "layers that choose read everything: all is hot");
    }
  };
  PositionPersistent(const Params& params, const Context& context)
      : ChoosingPlace(params, context),
        chooses_(
            std::binary_search(params.choose_at.begin(), params.choose_at.end(), context.layer)),
        follows_(!chooses_ && context.layer > params.choose_at.front()) {}

  bool looks_above() const override { return true; }
  // A layer that chooses hands its slots on, though it reads all.
  void select(const HeadChunk& chunk, const HeadCache& cache, const Selection* above,
              Selection& out) override {
    const std::int64_t n = cache.size();
    out.all = true;
    out.slots.clear();
    if (chooses_) {
      best_of_group(chunk.q, cache.keys(), estimates_);
      choose(estimates_.data(), n, out);
      out.all = true;
    } else if (follows_ && above != nullptr && !above->slots.empty()) {
      out.all = false;
      for (const std::int32_t slot : above->slots)
        if (slot < n) out.slots.push_back(slot);
    }
  }
  // The choosing layer's attention leaves its logits, for a top-k over them.
  void plan(const HeadChunk& chunk, const HeadCache& cache, const Selection& chosen,
            AccessPlan& out) const override {
    KvPlace::plan(chunk, cache, chosen, out);
    if (!chooses_ || chunk.phase == Phase::prefill) return;
    const double logits = static_cast<double>(chunk.q.rows * cache.size());
    out.push_back(
        item(KvWork::probabilities, KvTier::hot, 2 * logits, static_cast<double>(chunk.q.rows), 0));
    out.back().writes = true;
    out.push_back(
        item(KvWork::select, KvTier::hot, 2 * logits, static_cast<double>(chunk.q.rows), logits));
  }

 private:
  bool chooses_, follows_;
  std::vector<float> estimates_;
};
TERRACE_REGISTER(KvPlace, PositionPersistent, "position_persistent",
                 "the tokens that a layer below has chosen (TidalDecode)");

}  // namespace
}  // namespace terrace
