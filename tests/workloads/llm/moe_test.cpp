// Experts hit, latent attention, streamed weights.
#include <catch2/catch.hpp>
#include <cmath>
#include <string>

#include "sim/registry.h"
#include "tests/workloads/llm/llm_machine.h"
#include "workloads/llm/step_builder.h"

using namespace terrace;
using namespace terrace::test;

namespace {

struct Built {
  Built(const ModelShape& shape, Parallel parallel, std::initializer_list<Slice> slices,
        WeightPlacement weights = {})
      : machine(machine_of(static_cast<int>(parallel.ranks()))),
        placement(parallel, shape, machine),
        builder(shape, placement, machine, {}, std::move(weights)),
        batch(builder.batch()) {
    for (const Slice& s : slices) batch.add(s);
    step = builder.build(batch);
    check(step);
  }
  const Op& op(const std::string& label) const {
    for (auto [v, end] = boost::vertices(step.graph); v != end; ++v)
      if (label == step.graph[*v].label) return step.graph[*v];
    throw std::runtime_error("no op " + label);
  }
  Machine machine;
  Placement placement;
  StepBuilder builder;
  Batch batch;
  Step step;
};

}  // namespace

TEST_CASE("Tokens that pick experts at random hit as many as counting all outcomes says", "[llm]") {
  // 4 experts, 2 a token: 6 choices each. Two tokens: 1 of 6 second picks is the same pair (2 hit),
  // 1 of 6 the opposite one (4), 4 share one expert (3).
  CHECK(experts_hit(4, 2, 1) == Approx(2));
  CHECK(experts_hit(4, 2, 2) == Approx((2 + 4 + 4 * 3) / 6.0));
  CHECK(experts_hit(128, 8, 1) == Approx(8));
  CHECK(experts_hit(128, 8, 100000) == Approx(128));
}

TEST_CASE("A small decode batch reads only the experts it hits", "[llm]") {
  const ModelShape m = shipped("qwen3-30b-a3b");
  const Built one(m, {}, {{100, 1, true}});
  CHECK(one.op("expert_down").accesses[1].bytes == Approx(8 * 2048 * 768 * 2.0));
  CHECK(one.op("expert_down").gemm.count == Approx(8));
  CHECK(one.op("expert_down").gemm.m == Approx(1));
  const Built many(m, {}, {{0, 4000, true}});
  CHECK(many.op("expert_down").accesses[1].bytes == Approx(128 * 2048 * 768 * 2.0));
  CHECK(many.op("expert_down").flops == Approx(2 * 4000.0 * 8 * 2048 * 768));
}

TEST_CASE("Dense layers before the experts are a body of their own", "[llm]") {
  const Built b(shipped("deepseek-v3"), {8, 1, 1, false}, {{100, 1, true}});
  REQUIRE(b.step.repeats.size() == 2);
  CHECK(b.step.repeats[0].times == 3);
  CHECK(b.step.repeats[1].times == 58);
}

TEST_CASE("Replicas that share experts exchange tokens; ranks of one replica have them already",
          "[llm]") {
  const ModelShape m = shipped("qwen3-30b-a3b");
  const Built within(m, {4, 1, 1, true}, {{0, 512, true}});
  CHECK_THROWS(within.op("dispatch"));
  CHECK(within.op("expert_down").flops == Approx(2 * 512.0 * 8 / 4 * 2048 * 768));
  const Built across(m, {2, 1, 2, true}, {{0, 512, true}});
  const Op& dispatch = across.op("dispatch");
  CHECK(dispatch.collective == Collective::all_to_all);
  CHECK(across.machine.ranks(dispatch.group) == 4);
  CHECK(dispatch.message_bytes ==
        512 / 2 * 8 * 2048 * 2);  // its half of the tokens, to 8 experts each
  CHECK(across.op("expert_down").flops ==
        Approx(2 * 2 * 512.0 * 8 / 4 * 2048 * 768));  // the peer replica's, too
}

TEST_CASE("Latent decode reads each cached latent once, for all heads", "[llm]") {
  const ModelShape m = shipped("deepseek-v3");
  const Built b(m, {8, 1, 1, false}, {{1000, 1, true}});
  const Op& attention = b.op("attention");
  CHECK(attention.kind == OpKind::attention_decode);
  CHECK(attention.attention.kv_heads == 1);
  CHECK(attention.attention.q_heads == 16);
  CHECK(attention.accesses[1].bytes == 1000 * 576 * 2);
  CHECK(attention.flops == 2 * 1001 * 16.0 * (576 + 512));
  CHECK(b.op("absorbed_k").flops == 2 * 16.0 * 128 * 512);
  CHECK_THROWS(b.op("kv_b_proj"));
}

TEST_CASE("Latent prefill expands every cached latent and attends to separate heads", "[llm]") {
  const Built b(shipped("deepseek-v3"), {8, 1, 1, false}, {{300, 200, true}});
  CHECK(b.op("kv_b_proj").gemm.m == 500);
  CHECK(b.op("kv_b_proj").flops == 2 * 500.0 * 16 * 256 * 512);
  CHECK(b.op("attention").kind == OpKind::attention_prefill);
  CHECK(b.op("attention").flops == 2 * (200 * 300 + 200 * 201 / 2) * 16.0 * (192 + 128));
  CHECK_THROWS(b.op("absorbed_k"));
}

TEST_CASE("Streamed weights are fetched once a step, each layer a layer ahead", "[llm]") {
  const ModelShape m = shipped("opt-30b");
  WeightPlacement weights;
  weights.outside = {{"host0.dram", 0.5}, {"ssd0.flash", 0.3}};
  Built b(m, {}, {{100, 1, true}}, weights);
  double layers = 0;
  for (std::int64_t i = 0; i < m.layers; ++i) layers += b.builder.rank().layer(i).held_bytes();
  const TierId host = b.machine.find_tier("host0.dram"), ssd = b.machine.find_tier("ssd0.flash");
  const auto read_from = [&](const Step& step, TierId tier) {
    return totals(step, b.machine.tiers().size()).read_bytes[static_cast<std::size_t>(tier)];
  };
  // The first step fetches the first layer for itself and again for the step after it.
  CHECK(read_from(b.step, host) == Approx(0.5 * layers * 49 / 48));
  const Step second = b.builder.build(b.batch);
  check(second);
  CHECK(read_from(second, host) == Approx(0.5 * layers));
  CHECK(read_from(second, ssd) == Approx(0.3 * layers));
  CHECK(second.repeats.empty());
  CHECK(b.builder.outside_bytes(0, 0) == Approx(0.5 * layers));
  // A fifth of the layers stays, and two layers' buffers come on top.
  const double other = b.builder.rank().stage_bytes(0) - layers;
  CHECK(b.builder.hbm_bytes(0) == Approx(other + 0.2 * layers + 2 * 0.8 * layers / 48));

  // A layer waits for its weights, and its fetch for the layer two before it.
  const OpGraph& g = second.graph;
  OpVertex norms = 0;
  for (auto [v, end] = boost::vertices(g); v != end; ++v) {
    if (std::string(g[*v].label) != "attention_norm") continue;
    const auto fetches = [&](OpVertex at) {
      int n = 0;
      for (auto [e, stop] = boost::in_edges(at, g); e != stop; ++e)
        n += g[boost::source(*e, g)].kind == OpKind::copy;
      return n;
    };
    CHECK(fetches(*v) == (norms == 0 ? 0 : 2));  // from DRAM and from flash
    ++norms;
  }
  CHECK(norms == 48);
}

TEST_CASE("Whole layers can be placed instead, in order", "[llm]") {
  WeightPlacement w;
  w.outside = {{"host0.dram", 0.25}, {"ssd0.flash", 0.25}};
  w.whole_layers = true;
  CHECK(w.share(0, 3, 8) == 0);
  CHECK(w.share(0, 4, 8) == 1);
  CHECK(w.share(0, 6, 8) == 0);
  CHECK(w.share(1, 6, 8) == 1);
  CHECK(w.share(0, 3, 7) == Approx(0.5));  // 7 layers: the middle one lies half in HBM
}

TEST_CASE("Weights in a tier that does not exist are refused", "[llm]") {
  WeightPlacement weights;
  weights.outside = {{"host0.drum", 0.5}};
  try {
    Built(shipped("opt-30b"), {}, {{1, 1, true}}, weights);
    FAIL("was built");
  } catch (const BuildError& e) {
    CHECK(std::string(e.what()) ==
          "weights.outside[0].tier: no tier named \"host0.drum\". did you mean \"host0.dram\"?");
  }
}
