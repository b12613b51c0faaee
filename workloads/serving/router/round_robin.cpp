// Sends requests to one replica after the other.
// Source: the classic baseline; what a DNS or nginx in front of replicas does.
// State: whose turn it is.
#include "sim/registry.h"
#include "workloads/serving/router/router.h"

namespace terrace {
namespace {

class RoundRobin final : public Router {
 public:
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  RoundRobin(const Params&, const Context&) {}

  std::size_t choose(const Request&, const std::vector<ReplicaLoad>& replicas) override {
    return turn_++ % replicas.size();
  }

 private:
  std::size_t turn_ = 0;
};
TERRACE_REGISTER(Router, RoundRobin, "round_robin", "one after the other");

}  // namespace
}  // namespace terrace
