// What placements share that choose entries by an estimate: how many, which ends are always read,
// where the others lie, the best of a row.
#pragma once

#include <vector>

#include "workloads/kv/budget/budget_size.h"
#include "workloads/kv/place/place.h"

namespace terrace {

template <>
struct EnumNames<KvTier> {
  static constexpr std::pair<const char*, KvTier> values[] = {{"hot", KvTier::hot},
                                                              {"lower", KvTier::lower}};
};

struct ReadSize : BudgetSize {
  std::int64_t sinks = 0, recent = 0;
  KvTier tier = KvTier::hot;
  void check(Checker& c) const;
};
template <class P>
void read_size_fields(Schema<P>& s) {
  budget_size_fields(s);
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
  ChoosingPlace(const ReadSize& size, const Context& context) : KvPlace(context), size_(size) {}
  bool guarded(std::int64_t slot, std::int64_t n) const {
    return slot < size_.sinks || slot >= n - std::max<std::int64_t>(1, size_.recent);
  }
  // The best of n estimates, the guarded among them, into `out`; all of them where n are allowed.
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
