// Replacement as in a cache of memory: what was attended to least recently, or least often, goes. A
// query attends to an entry if that is among its top k.
// Source: Yang and Hua, "Attendre: wait to attend by retrieval with evicted queries in memory-based
// transformers for long context processing", arXiv 2401.04881 (LRA and LFA; FIFO is `recency`). Its
// memory of queries that wait for later keys needs attention to tokens that come after, which a
// decoder has not, and is left out. State: the last query or a count, per entry (16 bits).
#include <algorithm>
#include <numeric>

#include "workloads/kv/score/score.h"

namespace terrace {
namespace {

enum class Replaced : std::uint8_t { least_recently, least_often };

}  // namespace

template <>
struct EnumNames<Replaced> {
  static constexpr std::pair<const char*, Replaced> values[] = {
      {"least_recently", Replaced::least_recently}, {"least_often", Replaced::least_often}};
};

namespace {

class AttendedOrder final : public KvScore {
 public:
  struct Params {
    Replaced goes = Replaced::least_recently;
    std::int64_t top_k = 32;
    static void fields(Schema<Params>& s) {
      s.field("goes", &Params::goes, "the entry attended to least recently (LRA) or often (LFA)");
      s.field("top_k", &Params::top_k, "entries that a query attends to").at_least(1);
    }
  };
  AttendedOrder(const Params& params, const Context&) : p_(params) {}

  Cost cost() const override {
    Cost c;
    c.bits_per_entry = 16;
    c.flops_per_entry = 1;
    return c;
  }
  void queries(const HeadChunk& chunk, std::vector<std::int32_t>& wanted) const override {
    for (std::int64_t t = 0; t < chunk.tokens; ++t) wanted.push_back(static_cast<std::int32_t>(t));
  }
  void appended(const HeadChunk& chunk, const HeadCache& cache) override {
    uses_.grow(cache.size());
    if (p_.goes == Replaced::least_recently)  // coming is a use
      for (std::int64_t i = cache.size() - chunk.tokens; i < cache.size(); ++i)
        uses_[i] = static_cast<float>(cache.positions()[static_cast<std::size_t>(i)]);
  }
  void attended(const Attended& a, const HeadCache& cache) override {
    const std::vector<std::int32_t>& at = cache.positions();
    for (std::int64_t r = 0; r < a.probabilities.rows; ++r) {
      const float* row = a.probabilities.row(r);
      const auto saw = std::upper_bound(at.begin(), at.end(), a.queries[r]) - at.begin();
      const auto k = std::min<std::ptrdiff_t>(p_.top_k, saw);
      order_.resize(static_cast<std::size_t>(saw));
      std::iota(order_.begin(), order_.end(), 0);
      std::nth_element(order_.begin(), order_.begin() + k - 1, order_.end(),
                       [row](std::int32_t x, std::int32_t y) {
                         return row[x] != row[y] ? row[x] > row[y] : x > y;
                       });
      for (std::ptrdiff_t i = 0; i < k; ++i) {
        float& use = uses_[order_[static_cast<std::size_t>(i)]];
        use = p_.goes == Replaced::least_recently ? static_cast<float>(a.queries[r]) : use + 1;
      }
    }
  }
  void score(const HeadCache& cache, float* out) override {
    for (std::int64_t i = 0; i < cache.size(); ++i) out[i] = uses_[i];
  }
  void kept(const std::vector<std::int32_t>& slots) override { uses_.keep(slots); }

 private:
  Params p_;
  EntryColumn uses_;
  std::vector<std::int32_t> order_;
};
TERRACE_REGISTER(KvScore, AttendedOrder, "attended_order",
                 "what was attended to least recently or often goes (Attendre)");

}  // namespace
}  // namespace terrace
