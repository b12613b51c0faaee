// Tiers below HBM and swapping inside the engine loop: copies run beside the steps, and steps wait
// where they must.
#include <catch2/catch.hpp>

#include "tests/workloads/serving/serving_bench.h"

namespace terrace {
namespace {

using bench::machine_of;
using bench::ms;
using bench::play;
using bench::serving;
using bench::stat;

struct Run {
  Record record;
  double loaded = 0, stored = 0;  // bytes of all copy ops
};

Run run(const std::string& yaml, const bench::MachineShape& shape, double copy_ms = 1,
        std::uint64_t seed = 1) {
  const auto machine = machine_of(shape);
  const auto workload = serving(*machine, yaml, seed);
  Run result;
  const Time end = play(*workload, [&](const Step& step) {
    if (step.lane < 0)
      for (OpVertex v = 0; v < boost::num_vertices(step.graph); ++v)
        for (const Access& a : step.graph[v].accesses)
          if (machine->tier(a.tier).name == "gpu0.hbm")
            (a.direction == Direction::write ? result.loaded : result.stored) += a.bytes;
    if (step.lane < 0) return ms(copy_ms);
    return ms(std::string(step.label) == "decode" ? 4 : 10);
  });
  result.record.simulated_seconds = end.seconds();
  workload->report(result.record, end);
  return result;
}

const char* conversations =
    "requests: {kind: synthetic, arrival: {kind: poisson, rate: 3/s}, count: 60, turns: {kind: "
    "constant, tokens: 5}, "
    "think: {mean: 2s}, lengths: {kind: fixed, input: 60, output: 40}}";

}  // namespace

TEST_CASE(
    "a tier below HBM serves what HBM had to forget; bytes of the copies are those that are "
    "counted") {
  const bench::MachineShape shape = bench::with_blocks(150);
  const Run bare = run(std::string(conversations) + ", engine: {max_model_len: 640}", shape);
  const Run tiers = run(std::string(conversations) +
                            ", engine: {max_model_len: 640}, kv: {tiers: [{tier: host.dram, "
                            "capacity: 1GB}]}",
                        shape);
  REQUIRE(stat(bare.record, "requests.completed") == 300);
  REQUIRE(stat(tiers.record, "requests.completed") == 300);
  REQUIRE(stat(tiers.record, "kv.hit_rate.host.dram") > 0.1);
  REQUIRE(stat(tiers.record, "kv.hit_rate.total") > stat(bare.record, "kv.hit_rate.total") + 0.1);
  REQUIRE(tiers.loaded == stat(tiers.record, "kv.host.dram.loaded"));
  REQUIRE(tiers.stored == stat(tiers.record, "kv.host.dram.stored"));
  REQUIRE(tiers.loaded >= stat(tiers.record, "kv.tokens_reused.host.dram") * 256);
}

TEST_CASE("slow copies delay those who wait for them, and lose nothing") {
  for (const double copy : {0.0, 0.1, 7.0, 100.0}) {
    const Run r = run(std::string(conversations) +
                          ", engine: {max_model_len: 640}, kv: {tiers: [{tier: host.dram, "
                          "capacity: 300KiB}, {tier: cxl.dram, capacity: 10MB}]}",
                      bench::with_blocks(120), copy);
    INFO("copies of " << copy << " ms");
    REQUIRE(stat(r.record, "requests.completed") == 300);
    REQUIRE(stat(r.record, "tokens.output") == 300 * 40);
    REQUIRE(stat(r.record, "kv.cxl.dram.demoted") > 0);
    REQUIRE(stat(r.record, "queue.mean_waiting") ==
            Approx(stat(r.record, "queue.arrival_rate") * stat(r.record, "queue.mean_wait"))
                .epsilon(1e-9));
  }
}

TEST_CASE("with swapping no computed token is lost, at the price of copies both ways") {
  const std::string batch =
      "requests: {kind: static_batch, batch: 30, lengths: {kind: fixed, input: 100, output: "
      "200}}, ";
  const bench::MachineShape shape = bench::with_blocks(100);
  const Run recompute = run(batch + "engine: {max_model_len: 640}", shape);
  const Run swap = run(
      batch +
          "engine: {max_model_len: 640, preemption: swap, swap: {tier: host.dram, capacity: 1GB}}",
      shape);
  REQUIRE(stat(recompute.record, "preemptions") > 10);
  REQUIRE(stat(recompute.record, "preemptions.dropped_tokens") > 1000);
  REQUIRE(stat(swap.record, "preemptions") > 10);
  REQUIRE(stat(swap.record, "preemptions.swapped") == stat(swap.record, "preemptions"));
  REQUIRE(stat(swap.record, "preemptions.dropped_tokens") == 0);
  REQUIRE(stat(swap.record, "engine.copies.swap_out") == stat(swap.record, "preemptions"));
  REQUIRE(swap.stored > 0);
  REQUIRE(swap.loaded > 0);
  REQUIRE(swap.loaded <= swap.stored);  // what is still in HBM is not copied back
  REQUIRE(stat(swap.record, "requests.completed") == 30);
}

TEST_CASE("a step that takes a victim's blocks starts only when they have been copied out") {
  const std::string yaml =
      "requests: {kind: static_batch, batch: 8, lengths: {kind: fixed, input: 100, output: 200}}, "
      "engine: "
      "{max_model_len: 640, preemption: swap, swap: {tier: host.dram, capacity: 1GB}, host: {step: "
      "0s, request: 0s}}";
  const bench::MachineShape shape = bench::with_blocks(60);
  const double quick = stat(run(yaml, shape, 0).record, "makespan"),
               slow = stat(run(yaml, shape, 50).record, "makespan");
  const double outs = stat(run(yaml, shape, 50).record, "engine.copies.swap_out");
  REQUIRE(outs > 0);
  REQUIRE(slow >= quick + outs * 0.9 * 50e-3);
}

TEST_CASE("shared tiers hold one copy for all replicas, others one for each") {
  bench::MachineShape two = bench::with_blocks(150);
  two.gpus = 2;
  const std::string common = std::string(conversations) +
                             ", engine: {max_model_len: 640}, parallel: {dp: 2}, kv: {tiers: "
                             "[{tier: host.dram, capacity: 100MB, shared: ";
  const Run apart = run(common + "false}]}", two), shared = run(common + "true}]}", two);
  REQUIRE(stat(shared.record, "kv.hit_rate.host.dram") >
          stat(apart.record, "kv.hit_rate.host.dram"));
}

TEST_CASE("memory that is not there, not linked or given twice is a mistake with its path") {
  const auto message = [](const std::string& rest) {
    const auto machine = machine_of();
    try {
      serving(*machine,
              "requests: {kind: static_batch, batch: 1, lengths: {kind: fixed, input: 1, output: "
              "1}}, " +
                  rest);
    } catch (const std::exception& e) {
      return std::string(e.what());
    }
    return std::string("no mistake");
  };
  using Catch::Contains;
  REQUIRE_THAT(message("kv: {tiers: [{tier: host.drum}]}"),
               Contains("workload.kv.tiers[0].tier") && Contains("did you mean \"host.dram\"?"));
  REQUIRE_THAT(message("kv: {tiers: [{tier: island.dram}]}"),
               Contains("no link leads from gpu0 to island.dram"));
  REQUIRE_THAT(message("kv: {tiers: [{tier: gpu0.hbm}]}"), Contains("is a GPU's own memory"));
  REQUIRE_THAT(message("kv: {tiers: [{tier: host.dram, capacity: 2TB}]}"),
               Contains("workload.kv.tiers[0].capacity") && Contains("are missing"));
  REQUIRE_THAT(message("kv: {tiers: [{tier: host.dram, capacity: 600GB}]}, engine: {preemption: "
                       "swap, swap: {tier: "
                       "host.dram, capacity: 600GB}}"),
               Contains("workload.engine.swap.capacity") && Contains("for KV blocks"));
  REQUIRE_THAT(message("kv: {tiers: [{tier: host.dram, capacity: 1KiB}]}"),
               Contains("hold no chunk"));
  REQUIRE_THAT(message("kv: {tiers: [{tier: host.dram}, {tier: host.dram}]}"),
               Contains("is there twice"));
  REQUIRE_THAT(message("kv: {tiers: [{tier: host.dram}]}, engine: {prefix_caching: false}"),
               Contains("need engine.prefix_caching"));
  REQUIRE_THAT(message("engine: {preemption: swap}"), Contains("engine.swap"));
  REQUIRE_THAT(message("parallel: {tp: 2}"), Contains("the machine has 1"));
}

}  // namespace terrace
