// Forming the next step while the present one runs: vLLM's async scheduling, two steps under way.
#include <catch2/catch.hpp>

#include "tests/workloads/serving/engine_bench.h"

namespace terrace {

TEST_CASE("a request is scheduled for its next token before the last one is out") {
  EngineBench engine(EngineBench::async());
  engine.arrive(100, 5);
  REQUIRE(EngineBench::tokens_of(engine.schedule()) == Ids{100});
  const StepPlan& second = engine.schedule();
  REQUIRE(EngineBench::tokens_of(second) == Ids{1});
  REQUIRE(second.parts[0].context == 100);
  REQUIRE(engine.complete().first.size() == 1);
}

TEST_CASE("no step is spent on a request whose last token is on its way") {
  for (const std::int64_t outputs : {1, 2, 3, 17}) {
    EngineBench engine(EngineBench::async());
    engine.arrive(20, outputs);
    std::int64_t steps = 0;
    if (!engine.schedule().parts.empty()) ++steps;
    while (engine.finished.empty()) {
      if (!engine.schedule().parts.empty()) ++steps;
      engine.complete();
    }
    REQUIRE(steps == outputs);
    REQUIRE(engine.blocks.pool().free() == 64);
  }
}

TEST_CASE("what a step frees is there for the step after next") {
  EngineBench engine(EngineBench::async());
  engine.arrive(60 * 16, 1);
  engine.arrive(60 * 16, 2);
  REQUIRE(engine.ids_of(engine.schedule()) == Ids{0});
  REQUIRE(engine.schedule().parts.empty());  // the place is empty for one step
  engine.complete();
  REQUIRE(engine.ids_of(engine.schedule()) == Ids{1});
}

TEST_CASE("a block for a token that is not known yet is taken a step ahead") {
  EngineBench engine(EngineBench::async());
  const Slot slot = engine.arrive(31, 5);
  engine.schedule();
  REQUIRE(engine.held(slot) == 2);
  engine.schedule();
  REQUIRE(engine.held(slot) == 2);
  engine.complete();
  engine.schedule();  // the token at position 33 goes to the third block, position 32 is still
                      // under way
  REQUIRE(engine.held(slot) == 3);
}

TEST_CASE("a decode block can be found only when its last token is known") {
  EngineBench engine(EngineBench::async());
  engine.arrive(30, 40, text(5, 30));
  engine.schedule();
  std::int64_t known = 30;
  for (int i = 0; i < 20; ++i) {
    engine.schedule();
    engine.complete();
    ++known;
    // The last of the known tokens is in no step yet: the block that it fills is not named before
    // that.
    REQUIRE(engine.blocks.pool().cached() == (known - 1) / 16);
  }
}

TEST_CASE("the token that a victim has in flight still counts") {
  EngineBench engine(EngineBench::async());
  for (int i = 0; i < 4; ++i) engine.arrive(256, 100);
  engine.schedule();  // all 64 blocks
  const StepPlan plan = engine.schedule();
  REQUIRE(plan.preempted.size() == 1);
  const Slot victim = plan.preempted[0];
  REQUIRE(engine.sequences[victim].known == 256);
  REQUIRE(engine.complete().tokens == 4);
  REQUIRE(engine.sequences[victim].known == 257);
  REQUIRE(engine.sequences[victim].placeholders == 0);
  REQUIRE(engine.sequences[victim].computed == 0);
}

TEST_CASE("a victim whose token in flight is its last one is finished without coming back") {
  EngineBench engine(EngineBench::async());
  for (int i = 0; i < 4; ++i) engine.arrive(256, i == 3 ? 1 : 100);
  engine.schedule();
  REQUIRE(engine.schedule().preempted.size() == 1);
  engine.complete();
  REQUIRE(engine.finished == Ids{3});
  REQUIRE(engine.scheduler.waiting() == 0);
}

TEST_CASE("chunks of a long prompt follow each other in every step") {
  EngineBench::Options o = EngineBench::async();
  o.blocks = 1000;
  EngineBench engine(o);
  engine.arrive(5000, 2);
  REQUIRE(EngineBench::tokens_of(engine.schedule()) == Ids{2048});
  REQUIRE(EngineBench::tokens_of(engine.schedule()) == Ids{2048});
  engine.complete();
  REQUIRE(EngineBench::tokens_of(engine.schedule()) == Ids{904});
}

}  // namespace terrace
