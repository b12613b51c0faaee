// How a step is formed: vLLM V1's rules one by one, without async scheduling.
#include <catch2/catch.hpp>

#include "tests/workloads/serving/engine_bench.h"

namespace terrace {

TEST_CASE("a prompt longer than the token budget is cut into chunks of the budget") {
  EngineBench::Options o = EngineBench::sync();
  o.blocks = 1000;
  EngineBench engine(o);
  engine.arrive(5000, 2);
  REQUIRE(EngineBench::tokens_of(engine.step()) == Ids{2048});
  REQUIRE(engine.output.tokens == 0);
  REQUIRE(EngineBench::tokens_of(engine.step()) == Ids{2048});
  REQUIRE(EngineBench::tokens_of(engine.step()) == Ids{904});
  REQUIRE(engine.output.first.size() == 1);
  REQUIRE(EngineBench::tokens_of(engine.step()) == Ids{1});
  REQUIRE(engine.finished == Ids{0});
}

TEST_CASE(
    "running requests take their tokens before the waiting line gets the rest of the budget") {
  EngineBench::Options o = EngineBench::sync();
  o.blocks = 1000;
  EngineBench engine(o);
  engine.arrive(100, 9);
  engine.arrive(200, 9);
  engine.step();
  engine.arrive(5000, 9);
  const EngineBench::Formed plan = engine.step();
  REQUIRE(engine.ids_of(plan) == Ids{0, 1, 2});
  REQUIRE(EngineBench::tokens_of(plan) == Ids{1, 1, 2046});
  REQUIRE(plan.tokens == 2048);
}

TEST_CASE("a long prompt gets no more than the long-prefill threshold in a step") {
  EngineBench::Options o = EngineBench::sync();
  o.blocks = 1000;
  o.limits.long_prefill_token_threshold = 512;
  EngineBench engine(o);
  engine.arrive(1200, 2);
  engine.arrive(300, 2);
  REQUIRE(EngineBench::tokens_of(engine.step()) == Ids{512, 300});
  REQUIRE(EngineBench::tokens_of(engine.step()) == Ids{512, 1});
  REQUIRE(EngineBench::tokens_of(engine.step()) == Ids{176});
}

TEST_CASE("without chunked prefill a prompt waits for a step that has room for all of it") {
  EngineBench::Options o = EngineBench::sync();
  o.blocks = 1000;
  o.limits.chunked_prefill = false;
  EngineBench engine(o);
  engine.arrive(1500, 3);
  engine.arrive(1000, 3);
  engine.arrive(10, 3);
  REQUIRE(engine.ids_of(engine.step()) == Ids{0});  // nor does the short one pass the long one
  REQUIRE(engine.ids_of(engine.step()) == Ids{0, 1, 2});
}

TEST_CASE("no more requests run than max_num_seqs") {
  EngineBench::Options o = EngineBench::sync();
  o.limits.max_num_seqs = 2;
  EngineBench engine(o);
  for (int i = 0; i < 3; ++i) engine.arrive(10, 2);
  REQUIRE(engine.ids_of(engine.step()) == Ids{0, 1});
  REQUIRE(engine.ids_of(engine.step()) == Ids{0, 1});
  REQUIRE(engine.ids_of(engine.step()) == Ids{2});
}

TEST_CASE("a request that does not fit holds up all behind it") {
  EngineBench engine(EngineBench::sync());  // 64 usable blocks of 16 tokens
  engine.arrive(50 * 16, 20);
  engine.step();
  engine.arrive(20 * 16, 20);
  engine.arrive(16, 20);
  REQUIRE(engine.ids_of(engine.step()) == Ids{0});
  REQUIRE(engine.scheduler.waiting() == 2);
}

TEST_CASE("the whole input must fit at admission, but only a look is taken, nothing is set aside") {
  EngineBench::Options o = EngineBench::sync();
  o.limits.max_num_batched_tokens = 256;
  EngineBench engine(o);
  const Slot a = engine.arrive(40 * 16, 2), b = engine.arrive(40 * 16, 2);
  engine.step();
  REQUIRE(engine.held(a) == 16);  // the first chunk's blocks only
  REQUIRE(engine.scheduler.running() == 1);
  engine.step();
  REQUIRE(engine.held(a) == 32);
  engine.step();  // the last 128 tokens of a; 64 - 40 free < 40: b waits
  REQUIRE(engine.held(a) == 40);
  REQUIRE(engine.held(b) == 0);

  o.limits.reserve_full_input = false;
  EngineBench eager(o);
  eager.arrive(40 * 16, 2);
  const Slot second = eager.arrive(40 * 16, 2);
  for (int i = 0; i < 3; ++i) eager.step();
  REQUIRE(eager.held(second) == 8);  // its first chunk fits
}

TEST_CASE("two long prompts pass the look in successive steps, though both do not fit") {
  EngineBench::Options o = EngineBench::sync();
  o.limits.max_num_batched_tokens = 256;
  o.limits.long_prefill_token_threshold = 128;
  EngineBench engine(o);
  engine.arrive(40 * 16, 2);
  engine.arrive(40 * 16, 2);
  REQUIRE(engine.ids_of(engine.step()) ==
          Ids{0, 1});  // 8 blocks each; 56 are still free at the second look
  for (int i = 0; i < 3; ++i) engine.step();
  REQUIRE(engine.scheduler.preemptions() == 0);
  const EngineBench::Formed plan =
      engine.step();  // 32 each are all; the fifth chunk takes the later one's
  REQUIRE(plan.preempted.size() == 1);
  REQUIRE(engine.ids_of(plan) == Ids{0});
}

TEST_CASE("a decode step takes a block exactly when the last one is full") {
  EngineBench engine(EngineBench::sync());
  const Slot slot = engine.arrive(30, 40);
  engine.step();
  REQUIRE(engine.held(slot) == 2);
  std::int64_t computed = 30;
  while (engine.finished.empty()) {
    const std::int64_t before = engine.held(slot);
    engine.schedule();
    REQUIRE(engine.held(slot) - before == (computed % 16 == 0 ? 1 : 0));
    ++computed;
    engine.complete();
  }
  REQUIRE(computed == 30 + 40 - 1);  // the token sampled last never gets a slot
  REQUIRE(engine.blocks.pool().free() == 64);
}

TEST_CASE("finished requests free their blocks for the very next step") {
  EngineBench engine(EngineBench::sync());
  engine.arrive(60 * 16, 1);
  engine.arrive(60 * 16, 1);
  REQUIRE(engine.ids_of(engine.step()) == Ids{0});
  REQUIRE(engine.ids_of(engine.step()) == Ids{1});
}

}  // namespace terrace
