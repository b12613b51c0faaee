// Which blocks of a prompt are found in HBM, and which must be computed all the same.
#include <catch2/catch.hpp>

#include "tests/workloads/serving/engine_bench.h"

namespace terrace {
namespace {

std::int64_t computed_after_hit(std::int64_t prompt) {
  EngineBench engine(EngineBench::sync());
  engine.arrive(prompt, 1, text(5, prompt));
  engine.step();
  engine.arrive(prompt, 1, text(5, prompt));
  return EngineBench::tokens_of(engine.step()).at(0);
}

}  // namespace

TEST_CASE(
    "of a prompt that is cached whole a last block of 16, or the rest above whole blocks, is "
    "computed again") {
  REQUIRE(computed_after_hit(160) == 16);
  REQUIRE(computed_after_hit(161) == 1);
  REQUIRE(computed_after_hit(175) == 15);
  REQUIRE(computed_after_hit(16) == 16);
  REQUIRE(computed_after_hit(7) == 7);
}

TEST_CASE("prompts hit blocks of a prompt admitted in the same step, before it is computed") {
  EngineBench engine(EngineBench::sync());
  engine.arrive(100, 5, text(5, 100));
  engine.arrive(120, 5, text(5, 120));
  const EngineBench::Formed plan = engine.step();
  REQUIRE(EngineBench::tokens_of(plan) == Ids{100, 120 - 96});
  REQUIRE(plan.parts[1].context == 96);
  REQUIRE(engine.blocks.pool().free() == 64 - 7 - 2);  // 6 blocks are shared
}

TEST_CASE("without prefix caching nothing is found") {
  EngineBench::Options o = EngineBench::sync();
  o.prefix_caching = false;
  EngineBench engine(o);
  engine.arrive(100, 5, text(5, 100));
  engine.arrive(120, 5, text(5, 120));
  REQUIRE(EngineBench::tokens_of(engine.step()) == Ids{100, 120});
}

TEST_CASE("what was generated is found by the next turn of the conversation") {
  EngineBench engine(EngineBench::sync());
  engine.arrive(40, 30, text(8, 40));  // what is generated continues the text
  while (engine.finished.empty()) engine.step();
  engine.arrive(100, 1, text(8, 100));
  // 69 tokens have a slot: the last one never gets one. Four blocks are full.
  REQUIRE(EngineBench::tokens_of(engine.step()) == Ids{100 - 64});
}

TEST_CASE("the beginning of a text is forgotten last") {
  EngineBench engine(EngineBench::sync());
  engine.arrive(160, 1, text(5, 160));
  engine.step();  // 10 blocks, now free
  engine.arrive((54 + 7) * 16, 1);
  engine.step();  // takes the 54 never used, then the tail of the text
  engine.arrive(160, 1, text(5, 160));
  REQUIRE(EngineBench::tokens_of(engine.step()) == Ids{160 - 3 * 16});
}

TEST_CASE("a hit on free blocks needs them to be free: they count as room that is taken") {
  EngineBench engine(EngineBench::sync());
  engine.arrive(160, 1, text(5, 160));
  engine.step();  // 10 blocks free but cached
  engine.arrive(50 * 16, 3);
  engine.step();  // 14 are left, 10 of them cached
  engine.arrive(160 + 80, 1, text(5, 240));
  // 15 blocks in all, 10 of them found: 5 more and the 10 from the free queue make 15; the running
  // request takes one of the 14 first.
  REQUIRE(engine.blocks.pool().free() == 14);
  REQUIRE(engine.ids_of(engine.step()) == Ids{1});
  REQUIRE(engine.scheduler.waiting() == 1);
}

TEST_CASE("hits are counted in blocks of prompts, once for every request") {
  EngineBench engine(EngineBench::sync());
  engine.arrive(100, 1, text(5, 100));
  engine.step();
  engine.arrive(100, 1, text(5, 100));
  engine.step();
  const CacheCounts& c = engine.scheduler.counts();
  REQUIRE(c.references == 7 + 7);
  REQUIRE(c.hbm_blocks == 6);
}

}  // namespace terrace
