// The drive that holds the cache attends: it reads keys and values from its flash in whole pages,
// and only queries, new entries and outputs pass its link. The sparse variant reads the strongest
// channels of the query from a second, channel-major copy of the keys, and then whole tokens.
// Source: Pan et al., "InstInfer", arXiv 2409.04992 (SparF attention, dual key layout). The sparse
// step is that of SparQ (Ribar et al., arXiv 2312.04985): channels by the query's magnitude, scores
// over the rest of the softmax. State, below: keys twice where `channels` are given.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "workloads/kv/place/choosing_place.h"

namespace terrace {
namespace {

class InStorage final : public ChoosingPlace {
 public:
  struct Params : ReadShare {
    std::int64_t channels = 0, flash_page = 16384;
    static void fields(Schema<Params>& s) {
      read_share_fields(s);
      s.field("channels", &Params::channels, "of the query that rank tokens; 0: none, all are read")
          .at_least(0);
      s.field("flash_page", &Params::flash_page, "bytes that the drive reads at once").at_least(1);
    }
    void check(Checker& c) const {
      if (channels > 0) ReadShare::check(c);
      if (channels == 0 && (tokens || share)) c.fail("channels", "needed to choose tokens");
    }
  };
  InStorage(const Params& params, const Context& context)
      : ChoosingPlace(sized(params), context), p_(params) {
    if (p_.channels > context.shape.head_dim) throw BuildError("channels", "more than a head has");
  }

  std::int64_t hot_entries(const HeadCache&) const override { return 0; }
  void select(const HeadChunk& chunk, const HeadCache& cache, const Selection*,
              Selection& out) override {
    const std::int64_t n = cache.size(), dim = cache.head_dim();
    out.slots.clear();
    out.all = p_.channels == 0 || size_.of(n) >= n;
    if (out.all) return;
    estimates_.assign(static_cast<std::size_t>(n), -3e38F);
    for (std::int64_t r = 0; r < chunk.q.rows; ++r) {
      const float* q = chunk.q.row(r);
      order_.resize(static_cast<std::size_t>(dim));
      std::iota(order_.begin(), order_.end(), 0);
      std::stable_sort(order_.begin(), order_.end(), [q](std::int32_t a, std::int32_t b) {
        return std::fabs(q[a]) > std::fabs(q[b]);
      });
      for (std::int64_t i = 0; i < n; ++i) {
        const float* k = cache.keys().row(i);
        float sum = 0;
        for (std::int64_t c = 0; c < p_.channels; ++c) {
          const auto at = order_[static_cast<std::size_t>(c)];
          sum += q[at] * k[at];
        }
        float& best = estimates_[static_cast<std::size_t>(i)];
        best = std::max(best, sum);
      }
    }
    choose(estimates_.data(), n, out);
  }
  void plan(const HeadChunk& chunk, const HeadCache& cache, const Selection& chosen,
            AccessPlan& out) const override {
    const auto dim = static_cast<double>(cache.head_dim()),
               rows = static_cast<double>(chunk.q.rows);
    const double number = static_cast<double>(context_.raw_bits) / 8;
    const double tokens = static_cast<double>(chunk.tokens);
    const double copies = p_.channels > 0 ? 3 : 2;  // keys twice, values
    out.push_back(item(KvWork::write, KvTier::lower, copies * tokens * dim * number, copies, 0));
    out.back().writes = true;
    if (chunk.phase == Phase::prefill) return KvPlace::plan(chunk, cache, chosen, out);
    const std::size_t first = out.size();
    KvPlace::plan(chunk, cache, chosen, out);
    PlanItem& attend = out[first];
    attend.tier = KvTier::lower;
    const auto page = static_cast<double>(p_.flash_page);
    const auto whole = [page](double bytes) { return std::ceil(bytes / page) * page; };
    if (chosen.all) {  // two stretches
      attend.bytes = 2 * whole(attend.bytes / 2);
      attend.runs = attend.bytes / page;
    } else {  // whole pages wherever a chosen token lies in one, of keys and of values
      attend.bytes = 2 * pages_of(chosen, dim * number) * page;
      attend.runs = attend.bytes / page;
      const double columns = std::min(dim, rows * static_cast<double>(p_.channels));
      const double bytes = columns * whole(static_cast<double>(cache.size()) * number);
      out.push_back(item(KvWork::select, KvTier::lower, bytes, bytes / page,
                         2 * rows * static_cast<double>(p_.channels * cache.size())));
    }
    out.push_back(item(KvWork::fetch, KvTier::lower, 2 * rows * dim * number, 2, 0));  // q, out
  }

 private:
  // Flash pages that hold these tokens, packed one behind another.
  double pages_of(const Selection& chosen, double token) const {
    double pages = 0;
    std::int64_t seen = -1;  // the last page that is counted
    for (const std::int32_t slot : chosen.slots) {
      const auto first = static_cast<std::int64_t>(slot * token / double(p_.flash_page));
      const auto last =
          static_cast<std::int64_t>((slot * token + token - 1) / double(p_.flash_page));
      pages += static_cast<double>(last - std::max(first, seen + 1) + 1);
      seen = last;
    }
    return pages;
  }
  static ReadSize sized(const Params& p) {
    ReadSize s;
    s.tokens = p.tokens;
    s.share = p.share;
    s.tier = KvTier::lower;
    return s;
  }
  Params p_;
  std::vector<float> estimates_;
  std::vector<std::int32_t> order_;
};
TERRACE_REGISTER(KvPlace, InStorage, "in_storage",
                 "the drive that holds the cache attends (InstInfer)");

}  // namespace
}  // namespace terrace
