// Collectives: which links they load, and their time against measured tables.
#include "models/link/collective.h"

#include <catch2/catch.hpp>

#include "tests/models/parts.h"

using namespace terrace;
using namespace terrace::parts;

namespace {

struct Node8 {  // GPUs on an NVSwitch
  Machine machine;
  GroupId group;
  explicit Node8(int gpus, const std::string& link, const std::string& nvswitch = "switch") {
    RankGroup ranks;
    for (int i = 0; i < gpus; ++i)
      ranks.members.push_back(add_gpu(machine, "gpu" + std::to_string(i)));
    const DeviceId middle = add(machine, "nvswitch", nvswitch);
    for (DeviceId gpu : ranks.members) join(machine, gpu, middle, link);
    group = machine.add_group(ranks);
  }
  Op op(Collective kind, double bytes) const {
    Op op;
    op.kind = OpKind::collective;
    op.collective = kind;
    op.message_bytes = bytes;
    op.group = group;
    op.label = "collective";
    return op;
  }
};

const std::string plain =
    "{kind: nvlink, links: 10, link_rate: 25GB/s, peer: {rate: 200GB/s, local_copy: 200GB/s, "
    "ring_start: 10us, ring_hop: 1us, bulk_start: 30us, bulk_hop: 2us, shot_ranks: 0}}";

}  // namespace

TEST_CASE("a bulk ring takes 2 (n-1) steps of a share of the buffer", "[collective][closed_form]") {
  const Node8 node(4, plain);
  const double bytes = 1e9;
  const double expected = 30e-6 + 6 * 2e-6 + (6.0 / 4 + 0.5 / 4) * bytes / 200e9;
  const Collectives::Outlook outlook =
      Collectives().choose(node.op(Collective::all_reduce, bytes), node.machine);
  INFO("start + 2(n-1) hop + (2(n-1) + 1/2)/n bytes/rate = " << expected << " s, model "
                                                             << outlook.seconds());
  CHECK(outlook.algorithm == Collectives::Algorithm::bulk_ring);
  CHECK(outlook.seconds() == Approx(expected).epsilon(1e-9));
  CHECK(Collectives().choose(node.op(Collective::all_reduce, 1000), node.machine).algorithm ==
        Collectives::Algorithm::flagged_ring);
}

TEST_CASE("a ring loads a rank's own link both ways and nobody else's", "[collective]") {
  const Node8 node(4, plain);
  OpPlan plan;
  Collectives().plan(node.op(Collective::all_gather, 4e8), node.machine, plan);
  REQUIRE(plan.flows.size() == 1);
  CHECK(plan.flows[0].amount == Approx(3e8));
  REQUIRE(plan.flows[0].hops.size() == 2);
  for (const Hop& hop : plan.flows[0].hops) {
    const std::string& name = node.machine.resources()[static_cast<std::size_t>(hop.resource)].name;
    CHECK((name == "gpu0.to_nvswitch" || name == "nvswitch.to_gpu0"));
    CHECK(hop.copies == Approx(1));
    CHECK(hop.weight == Approx(250e9 / 200e9));
  }
}

TEST_CASE("ranks that meet on a host's root complex wait for each other there",
          "[collective][closed_form]") {
  Machine machine;
  RankGroup ranks;
  for (const char* name : {"gpu0", "gpu1", "gpu2", "gpu3"})
    ranks.members.push_back(add_gpu(machine, name));
  const DeviceId host =
      add(machine, "host", "{extends: host/xeon_8480.yaml, peer_bandwidth: 10GB/s}");
  const DeviceId left = add(machine, "left", "switch"), right = add(machine, "right", "switch");
  for (int i = 0; i < 4; ++i)
    join(machine, ranks.members[static_cast<std::size_t>(i)], i < 2 ? left : right,
         "link/pcie4_x16.yaml");
  join(machine, left, host, "link/pcie4_x16.yaml");
  join(machine, right, host, "link/pcie4_x16.yaml");
  Op op;
  op.kind = OpKind::collective;
  op.collective = Collective::all_gather;
  op.message_bytes = 4e9;
  op.group = machine.add_group(ranks);
  OpPlan plan;
  Collectives().plan(op, machine, plan);
  // Two of the four edges of the ring cross the host: each gets half of it.
  const double expected = 3e9 / (10e9 / 2);
  const double got = Collectives().choose(op, machine).seconds();
  INFO("bytes / (host / crossings) = " << expected << " s, model " << got << " s");
  CHECK(std::abs(percent_off(got, expected)) < 1);
  double crossing = 0;
  for (const Hop& hop : plan.flows[0].hops)
    if (machine.resources()[static_cast<std::size_t>(hop.resource)].name == "host.peer")
      crossing = hop.copies;
  CHECK(crossing == Approx(2));
}

TEST_CASE("without peer access a ring passes the host's memory twice", "[collective]") {
  Machine machine;
  RankGroup ranks;
  for (const char* name : {"gpu0", "gpu1"}) ranks.members.push_back(add_gpu(machine, name));
  const DeviceId host = add(machine, "host", "host/desktop_64g.yaml");
  for (DeviceId gpu : ranks.members) join(machine, gpu, host, "link/pcie4_x16.yaml");
  Op op;
  op.kind = OpKind::collective;
  op.message_bytes = 1e9;
  op.group = machine.add_group(ranks);
  OpPlan plan;
  Collectives().plan(op, machine, plan);
  for (const Hop& hop : plan.flows[0].hops)
    if (hop.resource == machine.tier(machine.find_tier("host.dram")).resource) {
      CHECK(hop.copies == Approx(2 * 2));  // two edges, each written and read
      return;
    }
  FAIL("host memory is not on the path");
}

TEST_CASE("a switch that reduces takes large all-reduces, small ones go one-shot", "[collective]") {
  const Node8 node(8, "link/nvlink4.yaml",
                   "{kind: switch, reduction: {efficiency: 0.85, latency: 25us}}");
  const auto chosen_for = [&](double bytes) {
    return Collectives().choose(node.op(Collective::all_reduce, bytes), node.machine).algorithm;
  };
  CHECK(chosen_for(16384) == Collectives::Algorithm::one_shot);
  CHECK(chosen_for(2e6) == Collectives::Algorithm::two_shot);
  CHECK(chosen_for(500e6) == Collectives::Algorithm::in_switch);
}

TEST_CASE("a send goes to the device of its write access", "[collective]") {
  Node8 node(4, plain);
  Op op = node.op(Collective::send, 1e8);
  op.group = node.machine.add_group({{0, 1}});  // stage 0: gpu0 and gpu1, each to two further on
  op.reads(node.machine.find_tier("gpu0.hbm"), 1e8);
  op.writes(node.machine.find_tier("gpu2.hbm"), 1e8);
  OpPlan plan;
  Collectives().plan(op, node.machine, plan);
  REQUIRE(plan.flows.size() == 1);
  CHECK(plan.flows[0].amount == Approx(1e8));
  CHECK(plan.latency.seconds() == Approx(32e-6));
}

TEST_CASE("a collective of one rank, or of something else, is refused", "[collective]") {
  Node8 node(2, plain);
  OpPlan plan;
  Op op = node.op(Collective::all_reduce, 1e6);
  op.group = node.machine.add_group({{0}});
  CHECK_THROWS_AS(plan_collective(op, node.machine, plan), std::logic_error);
  op.kind = OpKind::gemm;
  CHECK_THROWS_AS(plan_collective(op, node.machine, plan), std::logic_error);
}
