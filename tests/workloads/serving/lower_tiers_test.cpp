// The prefix cache below HBM: stored when blocks become full, found at admission, loaded while the
// request waits.
#include "workloads/serving/lower_tiers.h"

#include <catch2/catch.hpp>

#include "sim/registry.h"
#include "tests/workloads/serving/engine_bench.h"

namespace terrace {
namespace {

Rung rung(TierId tier, std::int64_t capacity, bool takes_evicted = false) {
  Rung r;
  r.cache = std::make_shared<TierCache>(tier, "tier" + std::to_string(tier), capacity,
                                        Choice<Eviction>::of("lru").make({capacity}));
  r.traffic = std::make_shared<RungTraffic>();
  r.takes_evicted = takes_evicted;
  return r;
}

// Runs everything to its end, copies at once.
void drain(EngineBench& engine) {
  while (!engine.scheduler.idle()) {
    const StepPlan plan = engine.schedule();
    CopyJob stores;
    if (engine.tiers->has_stores()) stores = engine.tiers->take_stores(engine.ids.take());
    engine.complete();
    for (const CopyJob& job : plan.loads) engine.scheduler.copied(job.kind, job.id);
    if (!stores.empty()) engine.scheduler.copied(stores.kind, stores.id);
  }
}

EngineBench::Options with(std::vector<Rung> rungs, std::int64_t chunk_blocks = 1) {
  EngineBench::Options o = EngineBench::sync();
  o.rungs = std::move(rungs);
  o.chunk_blocks = chunk_blocks;
  return o;
}

}  // namespace

TEST_CASE("blocks are stored in the step that fills them, of prompts and of answers") {
  EngineBench engine(with({rung(1, 100)}));
  engine.arrive(40, 30);
  engine.schedule();
  REQUIRE(engine.tiers->has_stores());
  const CopyJob job = engine.tiers->take_stores(7);
  REQUIRE(job.parts.size() == 1);
  REQUIRE(job.parts[0].from == none);
  REQUIRE(job.parts[0].to == 1);
  REQUIRE(job.parts[0].blocks == 2);
  engine.complete();
  engine.scheduler.copied(CopyKind::store, 7);
  drain(engine);
  REQUIRE(engine.tiers->rungs()[0].traffic->stored_blocks == 69 / 16);
  REQUIRE(engine.blocks.pool().free() == 64);
}

TEST_CASE("a block cannot be found below before its copy has arrived") {
  const Rung r = rung(1, 100);
  EngineBench engine(with({r}));
  engine.arrive(32, 1);
  engine.schedule();
  engine.tiers->take_stores(7);
  REQUIRE(r.cache->size() == 2);
  const TierCache::Entry e = r.cache->find(engine.sequences.info(0).chain.keys()[0]);
  REQUIRE_FALSE(r.cache->ready(e));
  engine.complete();
  engine.scheduler.copied(CopyKind::store, 7);
  REQUIRE(r.cache->ready(e));
}

TEST_CASE("blocks that are being copied down are not given out, though their request has left") {
  EngineBench engine(with({rung(1, 100)}));
  engine.arrive(32 * 16, 1);
  engine.schedule();
  engine.tiers->take_stores(7);
  engine.complete();
  REQUIRE(engine.finished == Ids{0});
  REQUIRE(engine.blocks.pool().free() == 64 - 32);
  engine.scheduler.copied(CopyKind::store, 7);
  REQUIRE(engine.blocks.pool().free() == 64);
}

TEST_CASE("what HBM has forgotten is loaded from below; one token of a whole prompt is computed") {
  EngineBench engine(with({rung(1, 1000)}));
  engine.arrive(160, 1, text(5, 160));
  drain(engine);
  engine.arrive(63 * 16, 1);
  drain(engine);  // HBM holds nothing of the text now but its first block
  const Slot again = engine.arrive(160, 1, text(5, 160));
  const StepPlan load = engine.schedule();
  REQUIRE(load.parts.empty());
  REQUIRE(load.loads.size() == 1);
  REQUIRE(load.loads[0].parts[0].from == 1);
  REQUIRE(load.loads[0].parts[0].blocks == 9);
  REQUIRE(engine.held(again) == 10);  // its blocks are taken at once
  REQUIRE(engine.sequences[again].phase == RequestPhase::loading);
  engine.complete();
  engine.arrive(16, 1);
  const EngineBench::Formed other = engine.step();  // whoever comes later passes it
  REQUIRE(other.parts.size() == 1);
  engine.scheduler.copied(CopyKind::load, load.loads[0].id);
  const StepPlan plan = engine.schedule();
  REQUIRE(EngineBench::tokens_of(plan) == Ids{1});
  REQUIRE(plan.parts[0].context == 159);
  const CacheCounts& c = engine.scheduler.counts();
  REQUIRE(c.hbm_blocks == 1);
  REQUIRE(c.tier_blocks == Ids{9});
}

TEST_CASE("a request whose blocks are being loaded for another waits for them") {
  EngineBench engine(with({rung(1, 1000)}));
  engine.arrive(160, 1, text(5, 160));
  drain(engine);
  engine.arrive(64 * 16, 1);
  drain(engine);
  engine.arrive(160, 1, text(5, 160));
  engine.arrive(200, 1, text(5, 200));
  const EngineBench::Formed plan = engine.step();
  REQUIRE(plan.loads.size() == 1);
  REQUIRE(plan.parts.empty());
  REQUIRE(engine.scheduler.waiting() == 2);
  engine.scheduler.copied(CopyKind::load, plan.loads[0].id);
  REQUIRE(EngineBench::tokens_of(engine.step()) == Ids{1, 200 - 160});  // found in HBM now
}

TEST_CASE("chunks of several blocks are stored whole and found whole") {
  EngineBench engine(with({rung(1, 1000)}, 4));
  engine.arrive(150, 1, text(5, 150));  // 9 full blocks: 2 chunks
  drain(engine);
  REQUIRE(engine.tiers->rungs()[0].traffic->stored_blocks == 8);
  engine.arrive(64 * 16, 1);
  drain(engine);
  engine.arrive(150, 1, text(5, 150));
  const StepPlan plan = engine.schedule();
  REQUIRE(plan.loads.size() == 1);
  REQUIRE(plan.loads[0].parts[0].blocks == 8);
}

TEST_CASE("of a chunk of which HBM has a part only the rest is loaded") {
  EngineBench engine(with({rung(1, 1000)}, 4));
  engine.arrive(8 * 16, 1, text(5, 8 * 16));
  drain(engine);
  engine.arrive(61 * 16, 1);
  drain(engine);  // three blocks of the text remain
  engine.arrive(8 * 16, 1, text(5, 8 * 16));
  const StepPlan plan = engine.schedule();
  REQUIRE(plan.loads.size() == 1);
  REQUIRE(plan.loads[0].parts[0].blocks == 5);
}

TEST_CASE("what a full tier gives up goes to the one below, and is found there") {
  const Rung upper = rung(1, 10), lower = rung(2, 1000, true);
  EngineBench engine(with({upper, lower}));
  engine.arrive(160, 1, text(5, 160));
  drain(engine);
  REQUIRE(lower.cache->size() == 0);
  engine.arrive(64 * 16 - 1, 1);
  drain(engine);
  // 63 full blocks do not fit into 10: the tier takes none of them, all or nothing.
  REQUIRE(upper.traffic->refused_blocks == 63);
  REQUIRE(upper.cache->size() == 10);
  for (int i = 0; i < 8; ++i) {
    engine.arrive(8 * 16, 1);
    drain(engine);
  }
  REQUIRE(upper.cache->size() == 10);
  REQUIRE(lower.cache->size() == 10 + 64 - 10);
  REQUIRE(lower.traffic->demoted_blocks == lower.cache->size());
  engine.arrive(160, 1, text(5, 160));
  const StepPlan plan = engine.schedule();
  REQUIRE(plan.loads.at(0).parts.size() == 1);
  REQUIRE(plan.loads[0].parts[0].from == 2);
}

TEST_CASE("what moves between lower tiers makes room before anything comes from above") {
  const Rung a = rung(1, 4), b = rung(2, 4, true), c = rung(3, 100, true);
  EngineBench engine(with({a, b, c}));
  for (int i = 0; i < 2; ++i) {
    engine.arrive(64, 1);
    drain(engine);
  }
  engine.arrive(64, 1);
  engine.schedule();
  const CopyJob job = engine.tiers->take_stores(99);
  REQUIRE(job.parts.size() == 3);
  REQUIRE(job.parts[0].from == 2);
  REQUIRE(job.parts[0].to == 3);
  REQUIRE(job.parts[1].from == 1);
  REQUIRE(job.parts[1].to == 2);
  REQUIRE(job.parts[2].from == none);
  REQUIRE(job.parts[2].to == 1);
  for (const CopyJob::Part& p : job.parts) REQUIRE(p.blocks == 4);
}

TEST_CASE(
    "a victim's blocks that are still being stored are free at once, but the step must wait for "
    "the copy") {
  EngineBench engine(with({rung(1, 1000)}));
  for (int i = 0; i < 4; ++i) engine.arrive(256, 100);
  engine.schedule();
  const CopyJob stores = engine.tiers->take_stores(engine.ids.take());
  engine.complete();
  const StepPlan plan = engine.schedule();
  REQUIRE(plan.preempted.size() == 1);
  REQUIRE(plan.flushes_stores);
  REQUIRE(engine.tiers->stores_under_way() == Ids{stores.id});
  REQUIRE(engine.blocks.pool().free() == 16 - 3);
  engine.scheduler.copied(CopyKind::store, stores.id);
  REQUIRE(engine.blocks.pool().free() == 16 - 3);
}

}  // namespace terrace
