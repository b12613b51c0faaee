// Steps of Llama-3.1-8B under KV policies, against closed forms.
#include <catch2/catch.hpp>
#include <cmath>

#include "models/link/copy_engine.h"
#include "sim/registry.h"
#include "tests/models/parts.h"
#include "tests/workloads/kv/harness.h"
#include "tests/workloads/llm/llm_machine.h"
#include "workloads/kv/profile/measure_profile.h"
#include "workloads/llm/step_builder.h"
#include "workloads/serving/memory_plan.h"

namespace terrace {
namespace {

constexpr double layers = 32, q_heads = 32, kv_heads = 8, dim = 128, token = 4096;  // bytes a layer

struct Bench {
  explicit Bench(std::optional<KvProfile> profile, TierId lower = none)
      : shape(test::shipped("llama-3.1-8b")),
        machine(test::machine_of(1)),
        placement({}, shape, machine),
        builder(shape, placement, machine, {}, {},
                profile ? std::optional<KvTiming>(KvTiming{*profile, lower}) : std::nullopt) {}
  Step step(const std::vector<Slice>& slices) {
    Batch batch = builder.batch();
    for (const Slice& s : slices) batch.add(s);
    Step built = builder.build(batch);
    check(built);
    return built;
  }
  ModelShape shape;
  Machine machine;
  Placement placement;
  StepBuilder builder;
};

KvProfile arithmetic(const std::string& yaml) {
  return arithmetic_profile(policy_of(yaml), 2, 8, 128);
}

struct Work {
  double read = 0, written = 0, flops = 0, ops = 0;
};
Work of(const Step& step, const std::string& label, TierId tier = 0) {
  std::vector<double> times(boost::num_vertices(step.graph), 1);
  for (const Repeat& r : step.repeats)
    for (OpVertex v = r.first; v < r.last; ++v) times[v] = static_cast<double>(r.times);
  Work sum;
  for (OpVertex v = 0; v < times.size(); ++v) {
    const Op& op = step.graph[v];
    if (label != op.label) continue;
    sum.ops += times[v];
    sum.flops += times[v] * op.flops;
    for (const Access& a : op.accesses)
      if (a.tier == tier)
        (a.direction == Direction::read ? sum.read : sum.written) += times[v] * a.bytes;
  }
  return sum;
}
const std::vector<Slice> four = {{8191, 1}, {8191, 1}, {8191, 1}, {8191, 1}};

}  // namespace

TEST_CASE("the profile of the full cache gives the step of no profile at all") {
  Bench plain(std::nullopt), full(arithmetic("{}"));
  for (const std::vector<Slice>& slices :
       {four, std::vector<Slice>{{0, 2048}}, std::vector<Slice>{{2048, 512}, {100, 1}}}) {
    const WorkTotals a = totals(plain.step(slices), 3), b = totals(full.step(slices), 3);
    REQUIRE(b.flops == Approx(a.flops).epsilon(1e-9));
    REQUIRE(b.read_bytes[0] == Approx(a.read_bytes[0]).epsilon(1e-9));
    REQUIRE(b.written_bytes[0] == Approx(a.written_bytes[0]).epsilon(1e-9));
  }
}

TEST_CASE("eviction to 1,024 tokens reads 1,024 of 8,192, and H2O's probabilities go out and in") {
  Bench bench(
      arithmetic("{score: accumulated_attention, budget: {kind: uniform, tokens: 1024}, "
                 "protect: {recent_share: 0.5}}"));
  const Step step = bench.step(four);
  const Work attention = of(step, "attention");
  // The newest token is beside the 1,024, and comes from the projection, not the cache.
  const double qkv = 4 * (q_heads + 2 * kv_heads) * dim * 2;
  INFO("read " << attention.read << " for " << layers * (4 * 1024 * token + qkv));
  REQUIRE(attention.read == Approx(layers * (4 * 1024 * token + qkv)).epsilon(0.03));
  REQUIRE(attention.flops == Approx(layers * 4 * 1025 * q_heads * 4 * dim).epsilon(0.03));
  const double scores = layers * 4 * q_heads * 1025 * 2;
  REQUIRE(attention.written ==
          Approx(layers * 4 * (token + q_heads * dim * 2) + scores).epsilon(0.03));
  REQUIRE(of(step, "kv_score").read > scores * 0.97);
}

TEST_CASE("4-bit tokens read 4.25 of 16 bits and are dequantised before attention") {
  Bench bench(arithmetic("{codec: {kind: rtn, bits: 4}}"));
  const Step step = bench.step(four);
  const double old = 8191, qkv = 4 * (q_heads + 2 * kv_heads) * dim * 2;
  const double expected = layers * (4 * old * token * 4.25 / 16 + qkv);
  REQUIRE(of(step, "attention").read == Approx(expected).epsilon(1e-3));
  // Scale and add for every number.
  REQUIRE(of(step, "kv_dequantize").flops ==
          Approx(layers * 4 * old * 2 * kv_heads * dim * 2).epsilon(1e-3));
  REQUIRE(of(step, "kv_quantize").ops == layers);
}

TEST_CASE("selected pages: two keys a page are scanned, then the pages are read") {
  Bench bench(arithmetic("{place: {kind: pages, page: 16, tokens: 512}}"));
  const Step step = bench.step(four);
  REQUIRE(of(step, "kv_select").read ==
          Approx(layers * 4 * 512 * 2 * kv_heads * dim * 2).epsilon(0.01));
  const double qkv = 4 * (q_heads + 2 * kv_heads) * dim * 2;
  INFO("read " << of(step, "attention").read / layers << " for " << 4 * 512 * token + qkv);
  REQUIRE(of(step, "attention").read < layers * (4 * 512 * token + qkv));
  REQUIRE(of(step, "attention").read > layers * (4 * 496 * token + qkv));
}

TEST_CASE("SnapKV's vote is a product of the window's queries with every key of the prompt") {
  Bench bench(
      arithmetic("{score: {kind: observation_window, window: 32}, budget: {kind: uniform, share: "
                 "0.2}, protect: {recent: 32}, decode: {budget: uniform}}"));
  const Step step = bench.step({{0, 4096}});
  REQUIRE(of(step, "kv_vote").flops == Approx(layers * 32 * q_heads * 4096 * 2 * dim));
  REQUIRE(of(step, "kv_vote").read == Approx(layers * 4096 * kv_heads * dim * 2));
  REQUIRE(of(step, "kv_compact").written == Approx(layers * 0.2 * 4096 * token).epsilon(0.01));
}

TEST_CASE("the whole cache below crosses the link once a step, beside the chain") {
  const RandomTrace trace(5, {544, 4, 8, 2, 64, 24, true});
  const KvProfile profile = measure_profile(policy_of("{place: {kind: by_head}}"), trace, "random");
  REQUIRE_THROWS_AS(Bench(profile), BuildError);  // no tier named
  Bench bench(profile, 1);
  const Step step = bench.step(four);
  REQUIRE(of(step, "kv_fetch", 1).read == Approx(layers * 4 * 8191 * token).epsilon(1e-6));
  REQUIRE(of(step, "kv_fetch", 0).written == Approx(layers * 4 * 8191 * token).epsilon(1e-6));
  REQUIRE(of(step, "kv_store", 1).written == Approx(layers * 4 * token).epsilon(1e-6));
}

TEST_CASE("a cache of 4.25 of 16 bits lets 16 / 4.25 as many blocks in") {
  const Bench bench(std::nullopt);
  GpuFacts gpu;
  gpu.tier = "gpu0.hbm";
  gpu.capacity = 80e9;
  gpu.multiprocessors = 132;
  gpu.threads = 2048;
  gpu.capability = 9.0;
  const KvProfile p = arithmetic("{codec: {kind: rtn, bits: 4}}");
  const EngineParams engine;
  const double weights = bench.builder.hbm_bytes(0);
  const MemoryPlan full = plan_memory({bench.builder.rank(), engine, gpu, 0, weights});
  const MemoryPlan four_bits =
      plan_memory({bench.builder.rank(), engine, gpu, 0, weights, p.held_share(32768)});
  INFO(full.blocks << " and " << four_bits.blocks);
  REQUIRE(static_cast<double>(four_bits.blocks) / static_cast<double>(full.blocks) ==
          Approx(16 / 4.25).epsilon(1e-3));
}

TEST_CASE("what a policy does below without an engine there cannot be timed") {
  const RandomTrace trace(5, {320, 4, 4, 2, 64, 24, true});
  REQUIRE_THROWS_WITH(  // tier 2 is a plain drive
      Bench(measure_profile(policy_of("{place: {kind: in_storage}}"), trace, "random"), 2),
      Catch::Contains("nothing beside ssd0.flash can"));
}

TEST_CASE("cores beside the lower tier attend: queries go down, outputs come up") {
  const RandomTrace trace(5, {544, 4, 8, 2, 64, 24, true});
  const KvProfile profile =
      measure_profile(policy_of("{place: {kind: lsh_sampling, share: 0.1, sinks: 4, recent: 64}}"),
                      trace, "random");
  Bench bench(profile, 1);
  const Step step = bench.step(four);
  // Queries down and outputs up, in 16 bits; what is drawn never crosses the link.
  const double outputs = layers * 4 * q_heads * dim * 2;
  REQUIRE(of(step, "kv_output", 0).written == Approx(outputs));
  // The least number of tables by which two hits of 2^-10 each have a chance of 0.1.
  double tables = 2;
  const double miss = 1 - 1.0 / 1024;
  while (1 - std::pow(miss, tables) - tables / 1024 * std::pow(miss, tables - 1) < 0.1) ++tables;
  // Of the trace's heads: 4 queries and outputs of 64 numbers, codes of a key and 4 queries.
  const double a_head = 2 * 4 * 64 * 2 + 2 * tables * 5;
  REQUIRE(of(step, "kv_query", 1).written ==
          Approx(layers * 4 * kv_heads * a_head * dim / 64 - outputs).epsilon(1e-3));
  REQUIRE(of(step, "kv_fetch", 1).read == 0);
  const Work below = of(step, "attention_below", 1), above = of(step, "attention");
  REQUIRE(below.ops == layers);
  REQUIRE(below.read > layers * 4 * 0.05 * 8191 * token);
  REQUIRE(below.read < layers * 4 * 0.9 * 8191 * token);
  // Sinks and recent tokens are read above.
  const double qkv = 4 * (q_heads + 2 * kv_heads) * dim * 2;
  REQUIRE(above.read == Approx(layers * (4 * 68 * token + qkv)).epsilon(0.02));
  REQUIRE(of(step, "kv_merge_outputs").ops == layers);
}

TEST_CASE("a kernel moves scattered chunks and single tokens, copy engines move whole heads") {
  Machine machine;
  const DeviceId gpu = parts::add_gpu(machine, "gpu0");
  for (const char* engine : {"gpu0.compute", "gpu0.aux"})
    machine.add_engine({engine, gpu, std::make_unique<test::NoEngine>()});
  for (const char* engine : {"gpu0.copy_in", "gpu0.copy_out"})
    machine.add_engine({engine, gpu, std::make_unique<CopyEngine>(Seconds(0))});
  const DeviceId host = parts::add(machine, "host0", "host/xeon_8480.yaml");
  parts::join(machine, gpu, host, "link/pcie5_x16.yaml");
  const ModelShape shape = test::shipped("llama-3.1-8b");
  const Placement placement({}, shape, machine);
  const RandomTrace trace(5, {544, 4, 8, 2, 64, 24, true});
  const auto kind_of = [&](const char* label, const char* policy,
                           KvMover mover = KvMover::automatic) {
    KvTiming kv{measure_profile(policy_of(policy), trace, "random"),
                machine.find_tier("host0.dram"), mover};
    StepBuilder builder(shape, placement, machine, {}, {}, kv);
    Batch batch = builder.batch();
    for (const Slice& s : four) batch.add(s);
    const Step step = builder.build(batch);
    for (OpVertex v = 0; v < boost::num_vertices(step.graph); ++v)
      if (std::string(step.graph[v].label) == label) return step.graph[v].kind;
    return OpKind::host_compute;
  };
  const char* const chunks =
      "{place: {kind: chunks, chunk: 8, share: 0.1, recent: 32, tier: lower}}";
  const char* const heads = "{place: {kind: by_head}}";
  REQUIRE(kind_of("kv_fetch", chunks) == OpKind::gather);
  REQUIRE(kind_of("kv_fetch", chunks, KvMover::copies) == OpKind::copy);
  REQUIRE(kind_of("kv_fetch", heads) == OpKind::copy);
  REQUIRE(kind_of("kv_fetch", heads, KvMover::kernel) == OpKind::gather);
  REQUIRE(kind_of("kv_store", heads) == OpKind::gather);  // a token of a head at a time
}

}  // namespace terrace
