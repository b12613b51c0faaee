// What placements share that choose entries by an estimate: how many, which ends are always read,
// where the others lie, the best of a row.
#pragma once

#include <optional>
#include <vector>

#include "sim/schema.h"
#include "workloads/kv/place/place.h"

namespace terrace {

template <>
struct EnumNames<KvTier> {
  static constexpr std::pair<const char*, KvTier> values[] = {{"hot", KvTier::hot},
                                                              {"lower", KvTier::lower}};
};

// How much of a head's cache a step reads: a number of tokens or a share, one of them.
struct ReadShare {
  std::optional<std::int64_t> tokens;
  std::optional<double> share;
  void check(Checker& c) const;
  std::int64_t of(std::int64_t cached) const;  // rounded down, at least 1
};
template <class P>
void read_share_fields(Schema<P>& s) {
  s.field("tokens", &P::tokens, "read at a step; or give `share`").at_least(1);
  s.field("share", &P::share, "of the cached tokens, read at a step; or give `tokens`")
      .above(0.0)
      .at_most(1.0);
}

struct ReadSize : ReadShare {
  std::int64_t sinks = 0, recent = 0;  // read at every step, even where they are more than `share`
  KvTier tier = KvTier::hot;
  void check(Checker& c) const;
};
template <class P>
void read_size_fields(Schema<P>& s) {
  read_share_fields(s);
  s.field("sinks", &P::sinks, "first entries, which every step reads").at_least(0);
  s.field("recent", &P::recent, "last entries, which every step reads").at_least(0);
  s.field("tier", &P::tier, "where those lie that not every step reads");
}

class ChoosingPlace : public KvPlace {
 public:
  // Chosen entries are read; those that lie below are fetched and put side by side before.
  void plan(const HeadChunk& chunk, const HeadCache& cache, const Selection& chosen,
            AccessPlan& out) const override;
  std::int64_t hot_entries(const HeadCache& cache) const override;

 protected:
  // New keys and values go to the lower tier.
  void write_below(std::int64_t tokens, const HeadCache& cache, AccessPlan& out) const;
  ChoosingPlace(const ReadSize& size, const Context& context) : KvPlace(context), size_(size) {}
  bool guarded(std::int64_t slot, std::int64_t n) const {
    return slot < size_.sinks || slot >= n - std::max<std::int64_t>(1, size_.recent);
  }
  // The best of n estimates into `out`; all of them where n are allowed. The guarded, and what is
  // estimated at `always`, are read in any case.
  static constexpr float always = 1e38F;
  void choose(const float* estimates, std::int64_t n, Selection& out);
  // Of the chosen, those that lie below and are not held above by chance.
  virtual void fetched(const HeadCache& cache, const Selection& chosen, Selection& out) const;
  PlanItem item(KvWork work, KvTier tier, double bytes, double runs, double flops) const;
  // out[i] = the most that any row of q gives with rows[i]; rows as wide as q.
  void best_of_group(RowsView q, RowsView rows, std::vector<float>& out);

  ReadSize size_;

 private:
  std::vector<std::int32_t> order_;
  std::vector<float> ranks_, products_;
};

}  // namespace terrace
