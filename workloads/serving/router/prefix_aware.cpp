// Sends a request where most of its prompt is cached, unless the load is out of balance or too
// little is cached. Source: the cache_aware policy of SGLang's router (lightseekorg/smg,
// docs/concepts/routing/cache-aware.md) with its defaults; the real cached blocks stand for the
// router's tree of what it sent where. State: none.
#include <algorithm>

#include "sim/registry.h"
#include "workloads/serving/router/router.h"

namespace terrace {
namespace {

class PrefixAware final : public Router {
 public:
  struct Params {
    double cached_fraction = 0.3;
    std::int64_t imbalance = 64;
    double imbalance_ratio = 1.5;
    static void fields(Schema<Params>& s) {
      s.field("cached_fraction", &Params::cached_fraction,
              "least part of the prompt that must be cached")
          .between(0.0, 1.0);
      s.field("imbalance", &Params::imbalance,
              "requests that the fullest replica may have beyond the emptiest")
          .at_least(0);
      s.field("imbalance_ratio", &Params::imbalance_ratio,
              "… and how many times as many; both must be exceeded")
          .at_least(1.0);
    }
  };
  PrefixAware(const Params& params, const Context&) : params_(params) {}

  bool wants_cached() const override { return true; }
  std::size_t choose(const Request& request, const std::vector<ReplicaLoad>& replicas) override {
    const auto load = [](const ReplicaLoad& r) { return r.waiting + r.running; };
    std::size_t emptiest = 0, best = 0;
    std::int64_t most = 0;
    for (std::size_t i = 0; i < replicas.size(); ++i) {
      if (load(replicas[i]) < load(replicas[emptiest])) emptiest = i;
      if (replicas[i].cached_tokens > replicas[best].cached_tokens) best = i;
      most = std::max(most, load(replicas[i]));
    }
    const std::int64_t least = load(replicas[emptiest]);
    const bool lopsided =
        most - least > params_.imbalance &&
        static_cast<double>(most) > params_.imbalance_ratio * static_cast<double>(least);
    const double cached = static_cast<double>(replicas[best].cached_tokens);
    return !lopsided && cached > params_.cached_fraction * static_cast<double>(request.input_tokens)
               ? best
               : emptiest;
  }

 private:
  Params params_;
};
TERRACE_REGISTER(Router, PrefixAware, "prefix_aware",
                 "the one that has most of the prompt cached, load permitting");

}  // namespace
}  // namespace terrace
