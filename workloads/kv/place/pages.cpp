// Every step reads the pages that may matter most to its query: an upper bound of the attention
// logit, from the smallest and largest value of each key channel in the page, ranks them.
// Source: Tang et al., "Quest: query-aware sparsity for efficient long-context LLM inference",
// arXiv 2406.10774, algorithm 1. State: two keys (min, max) for every page, at the cache's width.
#include <algorithm>
#include <numeric>

#include "workloads/kv/place/choosing_place.h"

namespace terrace {
namespace {

class Pages final : public KvPlace {
 public:
  struct Params : ReadShare {
    std::int64_t page = 16;
    static void fields(Schema<Params>& s) {
      s.field("page", &Params::page, "tokens of a page").at_least(1);
      read_share_fields(s);
    }
    void check(Checker& c) const {
      ReadShare::check(c);
      if (tokens && *tokens < page) c.fail("tokens", "less than one page");
    }
  };
  Pages(const Params& params, const Context& context) : KvPlace(context), p_(params) {}

  double bits() const override {
    return static_cast<double>(labels_.size()) * static_cast<double>(context_.raw_bits);
  }
  void appended(const HeadChunk& chunk, const HeadCache& cache) override {
    label(cache, cache.size() - chunk.tokens);
  }
  void kept(const std::vector<std::int32_t>&, const HeadCache& cache) override {
    labels_.clear();
    label(cache, 0);
  }
  void select(const HeadChunk& chunk, const HeadCache& cache, const Selection*,
              Selection& out) override {
    const std::int64_t n = cache.size(), dim = cache.head_dim(), pages = pages_of(n);
    const std::int64_t tokens = p_.of(n);
    const std::int64_t wanted = std::max<std::int64_t>(1, tokens / p_.page);
    out.all = tokens >= n || wanted >= pages;
    out.slots.clear();
    if (out.all) return;
    bounds_.assign(static_cast<std::size_t>(pages), -1e30F);
    for (std::int64_t r = 0; r < chunk.q.rows; ++r) {
      const float* q = chunk.q.row(r);
      for (std::int64_t p = 0; p < pages; ++p) {
        const float* low = labels_.data() + 2 * p * dim;
        const float* high = low + dim;
        float sum = 0;
        for (std::int64_t c = 0; c < dim; ++c) sum += std::max(q[c] * low[c], q[c] * high[c]);
        bounds_[static_cast<std::size_t>(p)] = std::max(bounds_[static_cast<std::size_t>(p)], sum);
      }
    }
    bounds_.back() = 1e30F;  // the page that is being filled
    order_.resize(static_cast<std::size_t>(pages));
    std::iota(order_.begin(), order_.end(), 0);
    const auto last = order_.begin() + wanted;
    std::nth_element(order_.begin(), last - 1, order_.end(),
                     [this](std::int32_t a, std::int32_t b) {
                       const float x = bounds_[static_cast<std::size_t>(a)],
                                   y = bounds_[static_cast<std::size_t>(b)];
                       return x != y ? x > y : a > b;
                     });
    std::sort(order_.begin(), last);
    for (auto p = order_.begin(); p != last; ++p)
      for (std::int64_t s = *p * p_.page; s < std::min(n, (*p + 1) * p_.page); ++s)
        out.slots.push_back(static_cast<std::int32_t>(s));
  }
  void plan(const HeadChunk& chunk, const HeadCache& cache, const Selection& chosen,
            AccessPlan& out) const override {
    KvPlace::plan(chunk, cache, chosen, out);
    if (chunk.phase == Phase::prefill) return;
    PlanItem scan = out.back();
    scan.work = KvWork::select;
    scan.bytes = bits() / 8;
    scan.runs = 1;
    scan.flops = 3.0 * static_cast<double>(chunk.q.rows) * static_cast<double>(labels_.size()) / 2;
    out.push_back(scan);
  }

 private:
  std::int64_t pages_of(std::int64_t n) const { return (n + p_.page - 1) / p_.page; }
  void label(const HeadCache& cache, std::int64_t from) {
    const std::int64_t dim = cache.head_dim();
    labels_.resize(static_cast<std::size_t>(2 * pages_of(cache.size()) * dim));
    for (std::int64_t slot = from; slot < cache.size(); ++slot) {
      const float* k = cache.keys().row(slot);
      float* low = labels_.data() + 2 * (slot / p_.page) * dim;
      const bool first = slot % p_.page == 0;
      for (std::int64_t c = 0; c < dim; ++c) {
        low[c] = first ? k[c] : std::min(low[c], k[c]);
        low[dim + c] = first ? k[c] : std::max(low[dim + c], k[c]);
      }
    }
  }
  Params p_;
  std::vector<float> labels_, bounds_;
  std::vector<std::int32_t> order_;
};
TERRACE_REGISTER(KvPlace, Pages, "pages", "the pages whose keys may matter most (Quest)");

}  // namespace
}  // namespace terrace
