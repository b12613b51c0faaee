// Op graphs on engines against closed forms; folding changes nothing.
#include "sim/executor.h"

#include <catch2/catch.hpp>
#include <random>

#include "tests/sim/toy_machine.h"

using namespace terrace;

namespace {

struct Run {
  Time end;
  std::vector<std::pair<std::int64_t, std::int64_t>> done;  // (step, ps)
  Record record;
  std::int64_t path_ps = 0, events = 0;
};

struct Arrival {
  Time at;
  Step step;
};

Run play(const Machine& machine, std::vector<Arrival> arrivals, bool fold) {
  Executor executor(machine, {fold, nullptr});
  Run result;
  std::vector<Executor::Done> done;
  std::size_t next = 0;
  while (next < arrivals.size() || executor.next_event() != Time::never()) {
    Time now = executor.next_event();
    if (next < arrivals.size()) now = std::min(now, arrivals[next].at);
    done.clear();
    if (executor.next_event() <= now) executor.advance(now, done);
    for (const auto& d : done) {
      result.done.emplace_back(d.step, now.ps());
      result.end = std::max(result.end, now);
    }
    while (next < arrivals.size() && arrivals[next].at <= now)
      executor.submit(std::move(arrivals[next++].step), now);
    for (std::size_t r = 0; r < machine.resources().size(); ++r)
      REQUIRE(executor.network().load(static_cast<ResourceId>(r)) <=
              machine.resources()[r].capacity * (1 + 1e-9));
  }
  executor.accounts().report(result.record, result.end);
  result.path_ps = executor.accounts().path_ps();
  result.events = executor.events();
  return result;
}

Step one(Op op, std::int64_t id = 0) {
  Step step;
  step.id = id;
  step.lane = static_cast<std::int32_t>(id);  // lanes never overlap
  append(step.graph, std::move(op));
  return step;
}

}  // namespace

TEST_CASE("a copy over two hops takes the sum of latencies plus bytes over the narrower hop") {
  Machine m;
  const auto a = toy::add_unit(m, "a"), b = toy::add_unit(m, "b"), c = toy::add_unit(m, "c");
  toy::add_link(m, "ab", a.device, b.device, 50e9, 1e-6);
  toy::add_link(m, "bc", b.device, c.device, 20e9, 2e-6);
  std::vector<Arrival> work;
  work.push_back({Time(), one(toy::copy_op(a.copier, a.tier, c.tier, 1e9))});
  const double expected = 1e-6 + 2e-6 + 1e9 / 20e9;
  const double got = play(m, std::move(work), true).end.seconds();
  INFO("formula " << expected << " s, simulated " << got << " s, deviation "
                  << (got / expected - 1) * 100 << " %");
  CHECK(got == Approx(expected).epsilon(0.01));
}

TEST_CASE("an op ends with the later of its compute and its memory: the roofline") {
  Machine m;
  const auto a = toy::add_unit(m, "a");
  Op op = toy::compute_op(a.engine, 1e12);  // 1 s
  op.reads(a.tier, 50e9);                   // 0.5 s
  std::vector<Arrival> work;
  work.push_back({Time(), one(op)});
  CHECK(play(m, std::move(work), true).end.seconds() == Approx(1.0));
}

TEST_CASE("an engine does one op at a time, in the order steps were handed over") {
  Machine m;
  const auto a = toy::add_unit(m, "a");
  std::vector<Arrival> work;
  work.push_back({Time(), one(toy::compute_op(a.engine, 1e12), 1)});
  work.push_back({Time(), one(toy::compute_op(a.engine, 2e12), 2)});
  const Run r = play(m, std::move(work), true);
  REQUIRE(r.done.size() == 2);
  CHECK(r.done[0].first == 1);
  CHECK(r.done[0].second == Time::at_least(Seconds(1)).ps());
  CHECK(r.done[1].second == Time::at_least(Seconds(3)).ps());
}

TEST_CASE("two copies that share a link take as long as their bytes together") {
  Machine m;
  const auto a = toy::add_unit(m, "a"), b = toy::add_unit(m, "b"), c = toy::add_unit(m, "c");
  toy::add_link(m, "ac", a.device, c.device, 10e9);
  toy::add_link(m, "bc", b.device, c.device, 10e9);
  std::vector<Arrival> work;
  work.push_back({Time(), one(toy::copy_op(a.copier, a.tier, c.tier, 5e9), 1)});
  work.push_back({Time(), one(toy::copy_op(b.copier, a.tier, c.tier, 5e9), 2)});
  CHECK(play(m, std::move(work), true).end.seconds() == Approx(1.0).epsilon(1e-6));
}

TEST_CASE("a group of ranks behind one shared link is slowed as if each rank were simulated") {
  const auto build = [](Machine& m, std::vector<toy::Unit>& ranks, toy::Unit& store) {
    for (int i = 0; i < 4; ++i) ranks.push_back(toy::add_unit(m, "r" + std::to_string(i)));
    store = toy::add_unit(m, "store", 1e12, 40e9);
    for (int i = 0; i < 4; ++i)
      toy::add_link(m, "l" + std::to_string(i), ranks[static_cast<std::size_t>(i)].device,
                    store.device, 25e9);
  };
  Machine apart, folded;
  std::vector<toy::Unit> ra, rf;
  toy::Unit sa, sf;
  build(apart, ra, sa);
  build(folded, rf, sf);
  std::vector<Arrival> each, once;
  for (const auto& r : ra)
    each.push_back({Time(), one(toy::copy_op(r.copier, sa.tier, r.tier, 1e9))});
  Op op = toy::copy_op(rf[0].copier, sf.tier, rf[0].tier, 1e9);
  RankGroup group;
  for (const auto& r : rf) group.members.push_back(r.device);
  op.group = folded.add_group(group);
  once.push_back({Time(), one(op)});
  const Run a = play(apart, std::move(each), true), f = play(folded, std::move(once), true);
  CHECK(a.end.seconds() == Approx(4e9 / 40e9).epsilon(1e-6));
  CHECK(f.end.seconds() == Approx(a.end.seconds()).epsilon(1e-6));
  for (const Stat& s : a.record.stats)
    if (s.name.find(".moved") != std::string::npos) {
      INFO(s.name);
      CHECK(f.record.find(s.name)->value ==
            Approx(s.value));  // every rank's resources carry the same bytes
    }
}

namespace {

// Layers of a few ops with an odd shape: two engines, a fork and a join.
Step layers(const toy::Unit& u, const toy::Unit& other, std::int64_t times, double scale,
            std::int64_t id, std::int32_t lane) {
  Step step;
  step.id = id;
  step.lane = lane;
  const auto head = append(step.graph, toy::compute_op(u.engine, 3e8 * scale, "head"));
  Op a = toy::compute_op(u.engine, 7e8 * scale, "a");
  a.reads(u.tier, 1e8 * scale);
  const auto va = append(step.graph, a, head);
  const auto vb =
      append(step.graph, toy::copy_op(u.copier, u.tier, other.tier, 3.3e7 * scale, "b"), va);
  Op c = toy::compute_op(u.engine, 5e8 * scale, "c");
  c.writes(u.tier, 2e7 * scale);
  const auto vc = append(step.graph, c, va);
  Op d = toy::compute_op(u.engine, 1e8 * scale, "d");
  const auto vd = append(step.graph, d, vc);
  boost::add_edge(vb, vd, step.graph);
  append(step.graph, toy::compute_op(u.engine, 2e8 * scale, "tail"), vd);
  step.repeats.push_back({va, vd + 1, times});
  return step;
}

}  // namespace

TEST_CASE("folding identical rounds changes no result, however often it is interrupted") {
  std::mt19937_64 random(5);
  for (int round = 0; round < 200; ++round) {
    const auto build = [&](std::uint64_t seed, Machine& m) {
      std::mt19937_64 rng(seed);
      const auto a = toy::add_unit(m, "a", 1e12, 100e9, Time::ps(1000000)),
                 b = toy::add_unit(m, "b", 2e12, 70e9), s = toy::add_unit(m, "s", 1e12, 60e9);
      toy::add_link(m, "as", a.device, s.device, 32e9, 1e-6);
      toy::add_link(m, "bs", b.device, s.device, 32e9, 1e-6);
      std::vector<Arrival> work;
      std::int64_t at = 0, id = 0;
      const auto n = 2 + rng() % 6;
      for (std::uint64_t i = 0; i < n; ++i) {
        const bool first = rng() % 2 == 0;
        const auto times = static_cast<std::int64_t>(2 + rng() % 60);
        const double scale = 0.5 + static_cast<double>(rng() % 100) / 50;
        if (rng() % 3 == 0)
          work.push_back(
              {Time::ps(at), one(toy::copy_op(s.copier, first ? a.tier : b.tier, s.tier,
                                              1e7 * (1 + static_cast<double>(rng() % 30))),
                                 id++)});
        else {
          work.push_back({Time::ps(at), layers(first ? a : b, s, times, scale, id,
                                               static_cast<std::int32_t>(id))});
          ++id;
        }
        at += static_cast<std::int64_t>(rng() % 40000000000ULL);
      }
      return work;
    };
    const std::uint64_t seed = random();
    Machine m1, m2;
    auto w1 = build(seed, m1);
    auto w2 = build(seed, m2);
    const Run folded = play(m1, std::move(w1), true), plain = play(m2, std::move(w2), false);
    INFO("seed " << seed);
    for (std::size_t i = 0; i < folded.done.size(); ++i) {
      INFO("step " << folded.done[i].first << " " << plain.done[i].first);
      CHECK(folded.done[i].second == plain.done[i].second);
    }
    REQUIRE(folded.done == plain.done);
    REQUIRE(folded.path_ps == plain.path_ps);
    REQUIRE(folded.record.to_json() == plain.record.to_json());
  }
}

TEST_CASE("folding spares events") {
  Machine m;
  const auto a = toy::add_unit(m, "a"), s = toy::add_unit(m, "s");
  toy::add_link(m, "as", a.device, s.device, 32e9);
  std::vector<Arrival> w1, w2;
  w1.push_back({Time(), layers(a, s, 80, 1, 0, 0)});
  w2.push_back({Time(), layers(a, s, 80, 1, 0, 0)});
  const auto folded = play(m, std::move(w1), true).events,
             plain = play(m, std::move(w2), false).events;
  CHECK(folded * 20 < plain);
}

TEST_CASE("time shares of every run add up to one, and energy is power times time") {
  Machine m;
  const auto a = toy::add_unit(m, "a"), s = toy::add_unit(m, "s");
  toy::add_link(m, "as", a.device, s.device, 32e9);
  std::vector<Arrival> work;
  work.push_back({Time::ps(5000000000), layers(a, s, 7, 1, 0, 0)});
  work.push_back({Time::ps(9000000000), one(toy::copy_op(a.copier, a.tier, s.tier, 1e8), 1)});
  const Run r = play(m, std::move(work), true);
  double sum = 0;
  for (const Share& share : r.record.shares) sum += share.fraction;
  CHECK(sum == Approx(1).epsilon(1e-12));
  const double energy = r.record.find("energy.total")->value;
  CHECK(energy == Approx(r.record.find("power.mean")->value * r.end.seconds()));
  double flops = 0;
  for (const OpBreakdown& op : r.record.ops) flops += op.flops;
  double bytes = 0;
  for (const TierTraffic& t : r.record.tiers) bytes += t.read_bytes + t.written_bytes;
  const double by_hand =
      2 * 10 * r.end.seconds() + flops * 1e-12 + bytes * 1e-11;  // two idle units, dynamic work
  INFO("by hand " << by_hand << " J, counted " << energy << " J");
  CHECK(energy == Approx(by_hand).epsilon(1e-9));
}

TEST_CASE("bytes into a memory are the bytes that came over its link") {
  Machine m;
  const auto a = toy::add_unit(m, "a"), s = toy::add_unit(m, "s");
  toy::add_link(m, "as", a.device, s.device, 32e9);
  std::vector<Arrival> work;
  work.push_back({Time(), layers(a, s, 13, 1, 0, 0)});
  const Run r = play(m, std::move(work), true);
  const double linked = r.record.find("resource.as.forward.moved")->value;
  CHECK(linked == 13 * 3.3e7);
  CHECK(r.record.tiers[1].written_bytes == linked);
}

TEST_CASE("two steps of a lane in flight are told once: shares still add up to one") {
  Machine m;
  const auto a = toy::add_unit(m, "a"), s = toy::add_unit(m, "s");
  toy::add_link(m, "as", a.device, s.device, 32e9);
  std::vector<Arrival> work;
  work.push_back({Time(), layers(a, s, 9, 1, 0, 0)});
  work.push_back(
      {Time::ps(1000000), layers(a, s, 9, 1, 1, 0)});  // handed over while the first runs
  const Run r = play(m, std::move(work), true);
  double sum = 0, queueing = 0;
  for (const Share& share : r.record.shares) {
    sum += share.fraction;
    if (share.cause == "queueing") queueing = share.seconds;
  }
  CHECK(sum == Approx(1).epsilon(1e-12));
  CHECK(queueing == 0);  // the engine was never waited for while it stood idle
}

TEST_CASE("background steps take resources but no part of the time shares") {
  Machine m;
  const auto a = toy::add_unit(m, "a"), s = toy::add_unit(m, "s");
  toy::add_link(m, "as", a.device, s.device, 32e9);
  Step copy = one(toy::copy_op(a.copier, a.tier, s.tier, 3.2e9), 7);  // 0.1 s
  copy.lane = -1;
  std::vector<Arrival> work;
  work.push_back({Time(), one(toy::compute_op(a.engine, 5e10), 0)});  // 0.05 s
  work.push_back({Time(), std::move(copy)});
  const Run r = play(m, std::move(work), true);
  REQUIRE(r.record.shares.size() == 2);
  for (const Share& share : r.record.shares) CHECK(share.fraction == Approx(0.5));
}
