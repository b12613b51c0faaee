// A token that must go joins the kept token most like it, if they are more alike than evicted
// tokens of late have been; the others are dropped.
// Source: Wan et al., "D2O: dynamic discriminative operations for efficient generative inference of
// large language models", arXiv 2406.13035, section 3.3: cosine of keys; the threshold is a moving
// average of the greatest cosines, tau = beta mean + (1 - beta) tau; weights exp(cosine) for what
// comes and e for what is there. State: tau.
#include "workloads/kv/compact/compact.h"
#include "workloads/kv/compact/merge.h"

namespace terrace {
namespace {

class Discriminate final : public KvCompact {
 public:
  struct Params {
    double beta = 0.7;
    static void fields(Schema<Params>& s) {
      s.field("beta", &Params::beta, "weight of the newest cosines in the threshold")
          .above(0.0)
          .at_most(1.0);
    }
  };
  Discriminate(const Params& params, const Context&) : p_(params) {}

  double bits() const override { return 32; }  // tau
  Work compact(HeadCache& cache, const Verdict& v, std::vector<std::int32_t>&) override {
    const std::vector<std::int32_t> kept = free_slots(v.stay, v.is_protected);
    Work work;
    if (kept.empty()) return work;
    const KeyCosine cosine(cache);
    std::vector<std::pair<std::int32_t, double>> nearest;  // of each that goes
    double mean = 0;
    for (const std::int32_t g : v.go) {
      std::pair<std::int32_t, double> best{kept[0], -2.0};
      for (const std::int32_t s : kept)
        if (const double like = cosine(g, s); like > best.second) best = {s, like};
      nearest.push_back(best);
      mean += best.second / static_cast<double>(v.go.size());
    }
    tau_ = known_ ? p_.beta * mean + (1 - p_.beta) * tau_ : mean;
    known_ = true;
    for (const std::int32_t s : kept) {
      Weighted members{{s, std::exp(1.0)}};
      for (std::size_t g = 0; g < v.go.size(); ++g)
        if (nearest[g].first == s && nearest[g].second >= tau_)
          members.emplace_back(v.go[g], std::exp(nearest[g].second));
      if (members.size() == 1) continue;
      merge_into(cache, s, members);
      work.rewritten += 1;
    }
    const auto dim = static_cast<double>(cache.head_dim());
    work.flops = (2.0 * static_cast<double>(v.go.size() * kept.size()) +
                  4.0 * static_cast<double>(v.go.size())) *
                 dim;
    return work;
  }

 private:
  Params p_;
  double tau_ = 0;
  bool known_ = false;
};
TERRACE_REGISTER(KvCompact, Discriminate, "discriminate",
                 "joins the most alike, above a moving threshold (D2O)");

}  // namespace
}  // namespace terrace
