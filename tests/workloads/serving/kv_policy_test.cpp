// A serving engine whose cache has a policy: how much fits, and what must be said with it.
#include <catch2/catch.hpp>

#include "tests/workloads/serving/serving_bench.h"

namespace terrace {
namespace {

std::string engine(const std::string& kv, const std::string& prefix_caching = "false") {
  return "requests: {kind: static_batch, batch: 4, lengths: {kind: fixed, input: 100, output: 8}}, "
         "engine: {max_model_len: 1024, prefix_caching: " +
         prefix_caching + "}, kv: " + kv;
}

double blocks(const std::string& kv) {
  const auto machine = bench::machine_of();
  const auto workload = bench::serving(*machine, engine(kv));
  return static_cast<double>(dynamic_cast<const Serving&>(*workload).blocks());
}

}  // namespace

TEST_CASE("a policy that keeps an eighth of the tokens lets eight times the blocks in") {
  const double full = blocks("{}");
  REQUIRE(blocks("{policy: {}}") == full);
  REQUIRE(blocks("{policy: {codec: fp8}}") / full == Approx(2).epsilon(1e-3));
  REQUIRE(blocks("{policy: {score: recency, budget: {kind: uniform, share: 0.125}}}") / full ==
          Approx(8).epsilon(0.01));
}

TEST_CASE("a batch under a policy runs to its end, and the record says where its profile is from") {
  const auto machine = bench::machine_of();
  const auto workload = bench::serving(
      *machine,
      engine("{policy: {score: accumulated_attention, budget: {kind: "
             "uniform, share: 0.25}, protect: {recent: 4}, codec: {kind: rtn, bits: 4}}}"));
  bench::play(*workload, [](const Step&) { return Time::ps(1000); });
  REQUIRE(workload->finished());
  Record record;
  workload->report(record, Time::ps(1));
  // A quarter of the tokens at 4 bits and 32 more for 16 numbers, a sum of 4 bytes beside each; and
  // steps and zeros are as wide as a head is narrow.
  const double share = 0.25 * (6.0 / 16 + 32.0 / (2 * 16 * 16));
  REQUIRE(record.find("kv.held_share")->value == Approx(share).epsilon(0.02));
  REQUIRE(std::count(record.remarks.begin(), record.remarks.end(),
                     "kv.profile_source: arithmetic") == 1);
}

TEST_CASE("a policy goes without prefix caching, and a trace without a policy says nothing") {
  const auto machine = bench::machine_of();
  REQUIRE_THROWS_WITH(bench::serving(*machine, engine("{policy: {}}", "true")),
                      Catch::Contains("prefix_caching: false"));
  REQUIRE_THROWS_WITH(bench::serving(*machine, engine("{trace: traces/smollm2_grimm.trace}")),
                      Catch::Contains("there is none"));
}

TEST_CASE("a cache that lies below is as large as the memory below, and no larger") {
  const std::string kv = std::string("{policy: {place: by_head}, trace: ") + TERRACE_CONFIG_DIR +
                         "/traces/smollm2_grimm.trace}";
  const auto blocks_with = [&](double dram) {
    bench::MachineShape shape;
    shape.dram = dram;
    const auto machine = bench::machine_of(shape);
    const auto workload = bench::serving(*machine, engine(kv));
    return static_cast<double>(dynamic_cast<const Serving&>(*workload).blocks());
  };
  REQUIRE(blocks_with(4096.0 * 1000) == Approx(1000).margin(1));  // 4 KiB a block of 16 tokens
  REQUIRE(blocks_with(4096.0 * 2000) == Approx(2000).margin(1));
  REQUIRE_THROWS_WITH(blocks_with(4096.0 * 60),  // 64 blocks a request, and one more
                      Catch::Contains("host.dram keeps") && Catch::Contains("are free there"));
}

TEST_CASE("a policy that depends on the text needs a trace that can be read") {
  const auto machine = bench::machine_of();
  const std::string policy = "{policy: {place: {kind: label_channels, share: 0.2}}";
  REQUIRE_THROWS_WITH(bench::serving(*machine, engine(policy + "}")), Catch::Contains("kv.trace"));
  REQUIRE_THROWS_WITH(bench::serving(*machine, engine(policy + ", trace: nowhere.kvt}")),
                      Catch::Contains("kv.trace"));
}

}  // namespace terrace
