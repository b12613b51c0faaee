// Who gives up blocks when they run out, and how a preempted request comes back.
#include <catch2/catch.hpp>

#include "tests/workloads/serving/engine_bench.h"

namespace terrace {
TEST_CASE("the request admitted last gives up its blocks, and nobody is admitted in that step") {
  EngineBench engine(EngineBench::sync());
  for (int i = 0; i < 4; ++i) engine.arrive(256, 100);
  engine.step();
  REQUIRE(engine.blocks.pool().free() == 0);
  engine.arrive(1, 1);  // would fit into what the preemption frees
  const EngineBench::Formed plan = engine.step();
  REQUIRE(plan.preempted.size() == 1);
  REQUIRE(engine.id(plan.preempted[0]) == 3);
  REQUIRE(engine.ids_of(plan) == Ids{0, 1, 2});
  REQUIRE(engine.blocks.pool().free() == 16 - 3);
}

TEST_CASE(
    "several victims of one step come back first come, first served, ahead of everybody else") {
  EngineBench::Options o = EngineBench::sync();
  o.prefix_caching = false;
  o.limits.long_prefill_token_threshold = 256;
  o.limits.reserve_full_input = false;
  EngineBench engine(o);
  engine.arrive(62 * 16, 2);  // 16 blocks a step
  engine.arrive(64, 50);
  engine.arrive(64, 50);
  for (int i = 0; i < 3; ++i) engine.step();
  REQUIRE(engine.blocks.pool().free() == 64 - 48 - 5 - 5);
  engine.arrive(64, 50);
  const EngineBench::Formed plan = engine.step();  // the first needs 14 more: two must go
  REQUIRE(engine.ids_of(plan) == Ids{0});
  REQUIRE(plan.preempted.size() == 2);
  REQUIRE(engine.id(plan.preempted[0]) == 2);
  REQUIRE(engine.id(plan.preempted[1]) == 1);
  REQUIRE(engine.ids_of(engine.step()) == Ids{0});
  REQUIRE(engine.ids_of(engine.step()) == Ids{1, 2, 3});
}

TEST_CASE("a request that is the last one running gives up its own blocks") {
  EngineBench::Options o = EngineBench::sync();
  o.blocks = 4;  // 3 usable
  o.prefix_caching = false;
  EngineBench engine(o);
  engine.arrive(32, 100);
  const Slot second = engine.arrive(15, 100);
  engine.step();
  const EngineBench::Formed first =
      engine.step();  // the first takes the block that the second gives up
  REQUIRE(engine.ids_of(first) == Ids{0});
  REQUIRE(first.preempted == std::vector<Slot>{second});
  for (int i = 0; i < 15; ++i) REQUIRE(engine.step().preempted.empty());
  const EngineBench::Formed last = engine.step();  // 48 tokens are all there is room for
  REQUIRE(last.parts.empty());
  REQUIRE(engine.id(last.preempted.at(0)) == 0);
  REQUIRE(engine.scheduler.running() == 0);
  REQUIRE(engine.blocks.pool().free() == 3);
}

TEST_CASE(
    "a resumed request computes prompt and old outputs again, at the end of the running list") {
  EngineBench::Options o = EngineBench::sync();
  o.prefix_caching = false;
  EngineBench engine(o);
  for (int i = 0; i < 4; ++i) engine.arrive(256, i == 0 ? 3 : 100);
  engine.step();
  engine.step();  // 3 is preempted, with one output known
  REQUIRE(engine.scheduler.waiting() == 1);
  engine.step();  // 0 has its third token: gone
  const EngineBench::Formed plan = engine.step();
  REQUIRE(engine.ids_of(plan) == Ids{1, 2, 3});
  REQUIRE(EngineBench::tokens_of(plan) == Ids{1, 1, 257});
  REQUIRE(engine.scheduler.preemptions() == 1);
}

TEST_CASE("a preempted request finds its own blocks again, the end of them lost first") {
  EngineBench::Options o = EngineBench::sync();
  EngineBench engine(o);
  for (int i = 0; i < 4; ++i) engine.arrive(256, i == 0 ? 3 : 100);
  engine.step();
  engine.step();  // 3 gives up 16 blocks; 0, 1 and 2 take one each: its last three
  engine.step();
  const EngineBench::Formed plan = engine.step();
  REQUIRE(engine.ids_of(plan) == Ids{1, 2, 3});
  REQUIRE(EngineBench::tokens_of(plan)[2] == 257 - 13 * 16);
  REQUIRE(engine.scheduler.counts().again_tokens == 13 * 16);
}

TEST_CASE("with a swap tier the KV of a preempted request comes back by copy, not by computing") {
  EngineBench::Options o = EngineBench::sync();
  o.prefix_caching = false;
  o.swap_blocks = 20;
  EngineBench engine(o);
  for (int i = 0; i < 4; ++i) engine.arrive(256, i == 0 ? 3 : 100);
  engine.step();
  const EngineBench::Formed out = engine.step();
  REQUIRE(out.swap_outs.size() == 1);
  REQUIRE(out.swap_outs[0].parts[0].blocks == 16);
  REQUIRE(engine.swap->used() == 16);
  engine.step();  // 0 leaves
  const EngineBench::Formed in = engine.step();
  REQUIRE(in.loads.size() == 1);
  REQUIRE(in.loads[0].kind == CopyKind::swap_in);
  REQUIRE(in.loads[0].parts[0].blocks == 16);
  REQUIRE(engine.ids_of(engine.step()) == Ids{1, 2});  // parked until its copy is done
  engine.scheduler.copied(CopyKind::swap_in, in.loads[0].id);
  const EngineBench::Formed plan = engine.step();
  REQUIRE(engine.ids_of(plan) == Ids{1, 2, 3});
  REQUIRE(EngineBench::tokens_of(plan)[2] == 1);
  REQUIRE(engine.swap->used() == 0);
}

TEST_CASE("a victim that finds no room in the swap tier is recomputed") {
  EngineBench::Options o = EngineBench::sync();
  o.prefix_caching = false;
  o.swap_blocks = 10;
  EngineBench engine(o);
  for (int i = 0; i < 4; ++i) engine.arrive(256, 100);
  engine.step();
  REQUIRE(engine.step().swap_outs.empty());
  REQUIRE(engine.scheduler.preemptions() == 1);
  REQUIRE(engine.scheduler.swaps() == 0);
  REQUIRE(engine.scheduler.dropped_tokens() == 256);
}

}  // namespace terrace
