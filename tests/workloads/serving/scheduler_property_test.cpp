// Any mix of requests and settings: nothing leaks, nothing is promised twice, nobody is forgotten.
#include <catch2/catch.hpp>
#include <map>

#include "sim/random.h"
#include "tests/workloads/serving/engine_bench.h"

namespace terrace {
namespace {

struct Outcome {
  Ids finished, first_scheduled;
  std::int64_t tokens = 0, preemptions = 0, steps = 0, computed = 0;
};

// Every block has exactly the users that hold it in their lists, and is free exactly when nobody
// does.
void check_blocks(const EngineBench& engine, const std::vector<Slot>& slots) {
  std::map<BlockId, std::int32_t> users;
  for (Slot slot : slots)
    for (BlockId b : engine.sequences.info(slot).blocks) ++users[b];
  const BlockPool& pool = engine.blocks.pool();
  std::int64_t held = 0;
  for (BlockId b = 1; b < pool.blocks(); ++b) {
    const auto found = users.find(b);
    const std::int32_t expected = found == users.end() ? 0 : found->second;
    if (pool.users(b) != expected)
      FAIL("block " << b << " has " << pool.users(b) << " users, not " << expected);
    held += expected > 0;
  }
  REQUIRE(pool.free() + held == pool.usable());
  std::int64_t queued = 0;
  for (BlockId b = pool.queue_head(); b != no_block; b = pool.queued_after(b)) {
    REQUIRE(pool.users(b) == 0);
    ++queued;
  }
  REQUIRE(queued == pool.free());
}

Outcome run(std::uint64_t seed, bool check) {
  RandomStream random(seed, "serving.property");
  EngineBench::Options o = random.integer(0, 1) == 0 ? EngineBench::sync() : EngineBench::async();
  o.block_tokens = static_cast<std::int32_t>(random.integer(1, 20));
  o.limits.max_model_len = 400;
  o.blocks = 2 + 400 / o.block_tokens + random.integer(0, 60);
  o.prefix_caching = random.integer(0, 3) > 0;
  o.limits.max_num_seqs = static_cast<std::int32_t>(random.integer(1, 20));
  o.limits.max_num_batched_tokens = static_cast<std::int32_t>(random.integer(20, 500));
  o.limits.long_prefill_token_threshold =
      static_cast<std::int32_t>(random.integer(0, 1) * random.integer(1, 100));
  o.limits.reserve_full_input = random.integer(0, 1) == 0;
  if (random.integer(0, 2) == 0) o.swap_blocks = random.integer(1, 100);
  EngineBench engine(o);

  const std::int64_t count = 60;
  std::int64_t wanted = 0;
  std::vector<Slot> live;
  Outcome outcome;
  std::vector<CopyJob> copies;
  while (static_cast<std::int64_t>(engine.finished.size()) < count) {
    while (engine.next_id < count && random.integer(0, 3) == 0) {
      const std::int64_t input = random.integer(1, 300), output = random.integer(1, 399 - input);
      wanted += output;
      const bool shares = random.integer(0, 1) == 0;
      live.push_back(
          shares ? engine.arrive(input, output,
                                 text(static_cast<std::uint64_t>(random.integer(1, 4)), input))
                 : engine.arrive(input, output));
    }
    const StepPlan& plan = engine.schedule();
    ++outcome.steps;
    std::int64_t tokens = 0;
    for (const auto& p : plan.parts) {
      tokens += p.tokens;
      REQUIRE(p.tokens > 0);
      if (p.context == 0 || engine.sequences.info(p.slot).scheduled == engine.now)
        if (std::find(outcome.first_scheduled.begin(), outcome.first_scheduled.end(),
                      engine.id(p.slot)) == outcome.first_scheduled.end())
          outcome.first_scheduled.push_back(engine.id(p.slot));
    }
    outcome.computed += tokens;
    REQUIRE(tokens == plan.tokens);
    REQUIRE(tokens <= o.limits.max_num_batched_tokens);
    REQUIRE(engine.scheduler.running() <= static_cast<std::size_t>(o.limits.max_num_seqs));
    for (const CopyJob& job : plan.loads) copies.push_back(job);
    if (!copies.empty() && random.integer(0, 2) == 0) {
      engine.scheduler.copied(copies.front().kind, copies.front().id);
      copies.erase(copies.begin());
    }
    if (check) check_blocks(engine, live);
    const std::size_t depth = o.limits.placeholders ? 2 : 1;
    if (engine.under_way.size() < depth) continue;
    outcome.tokens += engine.complete().tokens;
    live.erase(
        std::remove_if(live.begin(), live.end(),
                       [&](Slot s) { return engine.sequences[s].phase == RequestPhase::finished; }),
        live.end());
    REQUIRE(outcome.steps < 200000);
  }
  if (check) check_blocks(engine, live);
  REQUIRE(engine.blocks.pool().free() == engine.blocks.pool().usable());
  REQUIRE(outcome.tokens == wanted);
  REQUIRE(engine.scheduler.idle());
  if (engine.swap) REQUIRE(engine.swap->used() == 0);
  outcome.finished = engine.finished;
  outcome.preemptions = engine.scheduler.preemptions();
  return outcome;
}

}  // namespace

TEST_CASE(
    "blocks never leak, their users add up, every token comes out once, first come is first "
    "served") {
  std::int64_t preemptions = 0;
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    INFO("seed " << seed);
    const Outcome outcome = run(seed, true);
    REQUIRE(std::is_sorted(outcome.first_scheduled.begin(), outcome.first_scheduled.end()));
    preemptions += outcome.preemptions;
  }
  INFO(preemptions << " preemptions in all");
  REQUIRE(preemptions > 100);  // the runs were short of blocks often enough to mean something
}

TEST_CASE("the same requests are scheduled the same way again") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const Outcome a = run(seed, false), b = run(seed, false);
    REQUIRE(a.finished == b.finished);
    REQUIRE(a.steps == b.steps);
    REQUIRE(a.computed == b.computed);
  }
}

}  // namespace terrace
