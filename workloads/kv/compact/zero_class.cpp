// Three ways: the best are centres, what is like one of them joins it, and what is like none
// belongs to a class of zeros and is gone.
// Source: Li et al., "EMS: adaptive evict-then-merge strategy for head-wise KV cache compression
// based on global-local importance", arXiv 2412.08521, section 3.2: tokens are assigned to the
// centre with the most similar key, or to the zero class below a threshold; a centre becomes the
// mean weighted by score. State: none.
#include <algorithm>

#include "workloads/kv/compact/compact.h"
#include "workloads/kv/compact/merge.h"

namespace terrace {
namespace {

class ZeroClass final : public KvCompact {
 public:
  struct Params {
    double threshold = 0.6, candidates = 1;
    static void fields(Schema<Params>& s) {
      s.field("threshold", &Params::threshold, "cosine below which a token is like none")
          .between(-1.0, 1.0);
      s.field("candidates", &Params::candidates,
              "tokens that may join, best first, over those that stay; the rest is evicted first")
          .at_least(0.0);
    }
  };
  ZeroClass(const Params& params, const Context&) : p_(params) {}

  Work compact(HeadCache& cache, const Verdict& v, std::vector<std::int32_t>&) override {
    const std::vector<std::int32_t> centres = free_slots(v.stay, v.is_protected);
    std::vector<std::int32_t> may = v.go;
    std::stable_sort(may.begin(), may.end(),
                     [&](std::int32_t a, std::int32_t b) { return v.scores[a] > v.scores[b]; });
    may.resize(std::min(
        may.size(), static_cast<std::size_t>(p_.candidates * static_cast<double>(v.stay.size()))));
    const KeyCosine cosine(cache);
    std::vector<Weighted> joining(static_cast<std::size_t>(cache.size()));
    for (const std::int32_t g : may) {
      std::int32_t best = -1;
      double most = p_.threshold;
      for (const std::int32_t c : centres)
        if (const double like = cosine(g, c); like > most) most = like, best = c;
      if (best >= 0) joining[static_cast<std::size_t>(best)].emplace_back(g, weight(v, g));
    }
    Work work;
    work.flops = 2.0 * static_cast<double>(may.size() * centres.size()) *
                 static_cast<double>(cache.head_dim());
    for (const std::int32_t c : centres) {
      Weighted& members = joining[static_cast<std::size_t>(c)];
      if (members.empty()) continue;
      work.flops +=
          4.0 * static_cast<double>(members.size()) * static_cast<double>(cache.head_dim());
      work.rewritten += 1;
      members.emplace_back(c, weight(v, c));
      merge_into(cache, c, members);
    }
    return work;
  }

 private:
  static double weight(const Verdict& v, std::int32_t slot) {
    return std::max(1e-9, static_cast<double>(v.scores[slot]));  // attention is not negative
  }
  Params p_;
};
TERRACE_REGISTER(KvCompact, ZeroClass, "zero_class",
                 "joins a centre that is alike, or the class of zeros (EMS)");

}  // namespace
}  // namespace terrace
