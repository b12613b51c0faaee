// What a budget is told about a head is that head's.
#include <catch2/catch.hpp>

#include "tests/workloads/kv/harness.h"

namespace terrace {
namespace {

// Keeps all; compares the keys, values and first query it is told with the trace's.
struct Heard {
  const AttentionTrace* trace = nullptr;
  std::int64_t times = 0, wrong = 0;
};
Heard heard;

class Listener final : public KvBudget {
 public:
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  Listener(const Params&, const Context&) {}
  void observed(std::int64_t layer, std::int64_t head, const HeadChunk& chunk, const HeadCache&,
                const float*) override {
    if (heard.trace == nullptr) return;
    const TraceTensors t = heard.trace->layer(layer);
    const auto h = static_cast<std::size_t>(head);
    const std::int64_t dim = heard.trace->shape().head_dim;
    ++heard.times;
    for (std::int64_t i = 0; i < chunk.tokens; ++i)
      for (std::int64_t d = 0; d < dim; ++d)
        heard.wrong += chunk.k.at(i, d) != t.k[h].at(chunk.first + i, d) ||
                       chunk.v.at(i, d) != t.v[h].at(chunk.first + i, d) ||
                       chunk.q.at(i * chunk.group, d) !=
                           t.q[h * static_cast<std::size_t>(chunk.group)].at(chunk.first + i, d);
  }
  std::int64_t tokens(std::int64_t, std::int64_t, std::int64_t seen) override { return seen; }
};
TERRACE_REGISTER(KvBudget, Listener, "test_listener", "compares what it is told with a trace");

}  // namespace

TEST_CASE("a budget that observes a head sees that head's queries, keys and values", "[kv]") {
  const RandomTrace trace(3);
  heard = {&trace, 0, 0};
  walk(policy_of("{score: recency, budget: test_listener}"), trace, {},
       [](const PolicyCache&, std::int64_t, const std::vector<std::vector<float>>&) {});
  heard.trace = nullptr;
  CHECK(heard.times >= trace.shape().layers * trace.shape().kv_heads);
  CHECK(heard.wrong == 0);
}

}  // namespace terrace
