// Profiles of policies whose work is known in closed form.
#include <catch2/catch.hpp>

#include "tests/workloads/kv/harness.h"
#include "workloads/kv/profile/measure_profile.h"

namespace terrace {
namespace {

KvProfile of(const std::string& yaml) { return arithmetic_profile(policy_of(yaml), 2, 4, 64); }

const KvFlow* find(const std::vector<KvFlow>& flows, KvWork work, bool writes = false,
                   KvTier tier = KvTier::hot) {
  for (const KvFlow& f : flows)
    if (f.work == work && f.writes == writes && f.tier == tier) return &f;
  return nullptr;
}

}  // namespace

TEST_CASE("the full cache holds and reads two vectors a token, and computes four numbers a pair") {
  const KvProfile p = of("{}");
  REQUIRE(p.bands.size() == 1);  // every layer the same
  const KvBand& b = p.bands[0];
  REQUIRE(b.kept.slope == Approx(1));
  REQUIRE(b.held.slope == Approx(2));
  REQUIRE(b.held.constant == 0);
  const KvFlow* attend = find(b.decode, KvWork::attend);
  REQUIRE(attend->vectors.slope == Approx(2));
  REQUIRE(attend->flops.slope == Approx(4));
  REQUIRE(find(b.decode, KvWork::write, true)->vectors.constant == Approx(2));
  REQUIRE(find(b.prefill, KvWork::attend)->flops.pair == Approx(4));
  REQUIRE(p.held_share(4096) == Approx(1));
  REQUIRE(!p.uses_lower());
}

TEST_CASE("KIVI's profile grows by 3 bits a number and starts with its windows as they are") {
  const KvProfile p = arithmetic_profile(preset("kivi"), 2, 4, 64);
  const KvBand& b = p.bands[0];
  // Prompts of 512 and 1,024 and 32 steps: 32 keys and 128 values wait in 16 bits.
  REQUIRE(b.held.slope == Approx(2 * 3.0 / 16));
  REQUIRE(b.held.constant == Approx((32 + 128) * (1 - 3.0 / 16)));
  REQUIRE(find(b.decode, KvWork::decode)->flops.slope > 0);
}

TEST_CASE("a budget in tokens is a constant, a share a slope") {
  const KvBand tokens =
      of("{score: accumulated_attention, budget: {kind: uniform, tokens: 64}}").bands[0];
  REQUIRE(tokens.kept.slope == 0);
  REQUIRE(tokens.kept.constant == Approx(64));
  const KvBand share =
      of("{score: accumulated_attention, budget: {kind: uniform, share: 0.25}}").bands[0];
  REQUIRE(share.kept.slope == Approx(0.25).epsilon(0.01));
  // Every pair's probability goes out in 2 bytes and comes back, for two query heads.
  const KvFlow* out = find(share.prefill, KvWork::probabilities, true);
  const double n = 1024, pairs = n * (n + 1) / 2;
  const double bytes = (out->vectors.slope * n + out->vectors.pair * pairs) * 64 * 2;
  REQUIRE(bytes == Approx(2 * n * n * 2));
}

TEST_CASE("a page policy's scan grows by two vectors for each page of context") {
  const KvBand b = of("{place: {kind: pages, page: 16, tokens: 256}}").bands[0];
  REQUIRE(find(b.decode, KvWork::select)->vectors.slope == Approx(2.0 / 16).epsilon(1e-3));
  REQUIRE(find(b.decode, KvWork::attend)->vectors.slope == Approx(0).margin(1e-3));
}

TEST_CASE("what depends on the text needs a trace, and says so") {
  const std::string yaml = "{place: {kind: label_channels, share: 0.1}}";
  REQUIRE_THROWS_WITH(of(yaml), Catch::Contains("trace"));
  const RandomTrace trace(5, {288, 4, 4, 2, 32, 24, true});
  const KvProfile p = measure_profile(policy_of(yaml), trace, "random");
  REQUIRE(p.source == "random");
  const KvFlow* attend = find(p.bands[0].decode, KvWork::attend);
  REQUIRE(attend->vectors.slope == Approx(2 * 0.1).epsilon(0.1));
  // Gathered tokens: hardly more than a token a stretch.
  const double n = 4096;
  REQUIRE((attend->vectors.slope * n + attend->vectors.constant) /
              (attend->runs.slope * n + attend->runs.constant) <
          2);
}

}  // namespace terrace
