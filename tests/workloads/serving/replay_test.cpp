// Public traces through the scheduler, held against an independent replay and against the trace's
// own figures.
#include <catch2/catch.hpp>
#include <cmath>
#include <set>

#include "tests/workloads/requests/requests_from.h"
#include "tests/workloads/serving/engine_bench.h"
#include "tests/workloads/serving/serving_bench.h"
#include "workloads/serving/infinite_reference.h"

namespace terrace {
namespace {

struct Replayed {
  std::int64_t steps = 0, preemptions = 0, requests_preempted = 0, dropped = 0, found = 0;
};

// Steps of max(base, prefill x tokens) + kv x context seconds, two under way, 1 ms of host time
// between them.
Replayed replay(std::int64_t blocks, double prefill, double base, double kv) {
  const auto source = test::source("{kind: sharegpt_jsonl, file: " + test::shared_data() +
                                   "traces/sharegpt-llama-3.1-8b-300-sps10.jsonl}");
  EngineBench::Options o = EngineBench::async();
  o.blocks = blocks;
  EngineBench engine(o);
  std::deque<double> ends;
  double now = 0, gpu_free = 0;
  Replayed r;
  std::set<std::int64_t> preempted;
  std::int64_t left = source->expected_count();
  while (left > 0) {
    while (source->next_arrival().seconds() <= now) {
      engine.now = source->next_arrival();
      const Slot slot = engine.sequences.add(*source->pop(engine.now));
      engine.scheduler.add(slot, engine.now);
    }
    if (engine.scheduler.idle() && engine.under_way.empty()) {
      now = source->next_arrival().seconds();
      continue;
    }
    engine.now = Time::nearest(Seconds(now));
    const StepPlan& plan = engine.schedule();
    for (Slot slot : plan.preempted) preempted.insert(engine.id(slot));
    if (plan.parts.empty()) {
      engine.under_way.pop_back();
    } else {
      ++r.steps;
      double context = 0;
      for (const auto& p : plan.parts) context += p.context + p.tokens;
      const double took = std::max(base, prefill * static_cast<double>(plan.tokens)) + kv * context;
      gpu_free = std::max(now, gpu_free) + took;
      ends.push_back(gpu_free);
      if (engine.under_way.size() < 2) {
        now += 0.001;
        continue;
      }
    }
    if (engine.under_way.empty()) continue;
    now = std::max(now, ends.front());
    ends.pop_front();
    left -= static_cast<std::int64_t>(engine.complete().finished.size());
  }
  r.preemptions = engine.scheduler.preemptions();
  r.requests_preempted = static_cast<std::int64_t>(preempted.size());
  r.dropped = engine.scheduler.dropped_tokens();
  r.found = engine.scheduler.counts().hbm_blocks * 16 + engine.scheduler.counts().again_tokens;
  return r;
}

}  // namespace

TEST_CASE("the 300-request trace is scheduled exactly as in an independent replay of vLLM's rules",
          "[serving][shared]") {
  if (test::shared_is_absent()) return;
  // A replay of the same rules in Python, written apart from this code, with the same step times:
  // steps, preemptions, requests preempted, tokens dropped, tokens found again, by blocks and time
  // constants.
  struct Case {
    std::int64_t blocks;
    double prefill, base, kv;
    Replayed expected;
  };
  const Case cases[] = {{2588, 1.55e-4, 0.0186, 1.42e-7, {6149, 184, 111, 169392, 67728}},
                        {2459, 1.55e-4, 0.0186, 1.42e-7, {6367, 191, 128, 176298, 77616}},
                        {2717, 1.55e-4, 0.0186, 1.42e-7, {5899, 212, 126, 184693, 79360}},
                        {2588, 1.25e-4, 0.0165, 1.9e-7, {6135, 187, 112, 176151, 70144}}};
  for (const Case& c : cases) {
    const Replayed r = replay(c.blocks, c.prefill, c.base, c.kv);
    INFO(c.blocks << " blocks: " << r.steps << " steps, " << r.preemptions << " preemptions of "
                  << r.requests_preempted << " requests, " << r.dropped << " tokens dropped, "
                  << r.found << " found; expected " << c.expected.steps << ", "
                  << c.expected.preemptions << ", " << c.expected.requests_preempted << ", "
                  << c.expected.dropped << ", " << c.expected.found);
    CHECK(r.steps == c.expected.steps);
    CHECK(r.preemptions == c.expected.preemptions);
    CHECK(r.requests_preempted == c.expected.requests_preempted);
    CHECK(r.dropped == c.expected.dropped);
    CHECK(r.found == c.expected.found);
  }
}

TEST_CASE("an infinite cache hits 36.6 % of the block references of the Mooncake conversations",
          "[serving][shared]") {
  if (test::shared_is_absent()) return;
  const auto source = test::source("{kind: mooncake_jsonl, file: " + test::shared_data() +
                                   "traces/mooncake_conversation.jsonl}");
  InfiniteReference reference(512);
  for (const Request& r : test::drain(*source)) reference.arrived(r);
  REQUIRE(reference.references() == 288500);
  REQUIRE(reference.hits() == 105710);
  REQUIRE(reference.hit_rate() == Approx(0.366).margin(0.0005));
}

TEST_CASE(
    "an engine with a boundless tier below HBM comes close to that: all but what is asked for "
    "again at once",
    "[serving][shared]") {
  if (test::shared_is_absent()) return;
  bench::MachineShape shape = bench::with_blocks(300 * 32 * 2);
  shape.dram = 1e15;
  const auto machine = bench::machine_of(shape);
  const auto workload = bench::serving(
      *machine,
      "requests: {kind: mooncake_jsonl, time_scale: 0.01, file: " + test::shared_data() +
          "traces/mooncake_conversation.jsonl}, engine: {max_model_len: 131072, block_tokens: 512, "
          "max_num_batched_tokens: 8192}, kv: {infinite_reference: true, tiers: [{tier: "
          "host.dram}]}, "
          "record: {requests: false, series_interval: 0s}");
  const Time end = bench::play(*workload, [](const Step&) { return bench::ms(1); });
  Record record;
  workload->report(record, end);
  const double hit = bench::stat(record, "kv.hit_rate.total"),
               bound = bench::stat(record, "kv.hit_rate.infinite");
  INFO("hit " << hit << " of a bound of " << bound << "; " << bench::stat(record, "kv.hit_rate.hbm")
              << " in HBM");
  REQUIRE(bench::stat(record, "kv.references") == 288500);
  REQUIRE(bound == Approx(105710.0 / 288500));
  // 118 of the hits are partial last blocks, which no engine finds; 105,592 are full ones.
  REQUIRE(hit == Approx(105592.0 / 288500).epsilon(1e-4));
  REQUIRE(bench::stat(record, "kv.hit_rate.host.dram") > 0.05);
}

}  // namespace terrace
