// Sends a request where the fewest requests wait and run; one that waits counts as several that
// run. Source: vLLM 0.19's balancing of data-parallel engines (DPLBAsyncMPClient in
// v1/engine/core_client.py: four times the waiting plus the running), with the counts of this
// moment. State: none.
#include "sim/registry.h"
#include "sim/schema.h"
#include "workloads/serving/router/router.h"

namespace terrace {
namespace {

class LeastLoaded final : public Router {
 public:
  struct Params {
    std::int64_t waiting_weight = 4;
    static void fields(Schema<Params>& s) {
      s.field("waiting_weight", &Params::waiting_weight,
              "what a waiting request counts, a running one 1")
          .between(0, 1000);
    }
  };
  LeastLoaded(const Params& params, const Context&) : params_(params) {}

  std::size_t choose(const Request&, const std::vector<ReplicaLoad>& replicas) override {
    std::size_t best = 0;
    for (std::size_t i = 1; i < replicas.size(); ++i)
      if (load(replicas[i]) < load(replicas[best])) best = i;
    return best;
  }

 private:
  std::int64_t load(const ReplicaLoad& r) const {
    return params_.waiting_weight * r.waiting + r.running;
  }
  Params params_;
};
TERRACE_REGISTER(Router, LeastLoaded, "least_loaded",
                 "the one with the fewest requests, waiting ones counted more");

}  // namespace
}  // namespace terrace
