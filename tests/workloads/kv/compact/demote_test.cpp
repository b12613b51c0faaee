// Demotion: nothing is lost, and both precisions are counted.
#include <catch2/catch.hpp>
#include <cmath>

#include "tests/workloads/kv/harness.h"

namespace terrace {

TEST_CASE("of all tokens 20 % are stored in 8 bits and 80 % in 2, and none is lost (MiKV)") {
  const RandomTrace trace(4, {120, 2, 4, 2, 32, 16, true});
  const KvPolicy policy = policy_of(
      "{score: accumulated_attention, budget: {kind: uniform, share: 0.2}, codec: {kind: rtn, "
      "bits: 8}, compact: {kind: demote, keys: {kind: rtn, bits: 2}, values: {kind: rtn, bits: "
      "2}}}");
  Walk how;
  how.prompt = 80;
  how.steps = 40;
  require_sound(policy, trace, how);
  walk(policy, trace, how, [&](const PolicyCache& cache, std::int64_t seen, const auto&) {
    const HeadCache& head = cache.head(1, 1);
    REQUIRE(head.size() == seen);
    const auto high = static_cast<double>(seen / 5), low = static_cast<double>(seen) - high;
    REQUIRE(head.bits(HeadCache::key) == high * (32 * 8 + 32) + low * (32 * 2 + 32));
    REQUIRE(cache.bits().compact == 2 * 2 * static_cast<double>(seen));  // a bit each
    for (std::int64_t i = 0; i < head.size(); ++i) {
      const float* was = trace.layer(1).k[1].row(head.positions()[static_cast<std::size_t>(i)]);
      double low_k = 1e9, high_k = -1e9, worst = 0;
      for (std::int64_t c = 0; c < 32; ++c) {
        low_k = std::min<double>(low_k, was[c]);
        high_k = std::max<double>(high_k, was[c]);
        worst = std::max<double>(worst, std::fabs(head.keys().at(i, c) - was[c]));
      }
      // Half a step of 2^bits - 1; a demoted entry may have been through 8 bits before.
      const double step = high_k - low_k;
      const bool demoted = head.levels()[static_cast<std::size_t>(i)] == 1;
      REQUIRE(worst <= (demoted ? step / 6 + step / 510 : step / 510) + 0.01);
    }
  });
}

}  // namespace terrace
