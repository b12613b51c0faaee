// Max–min fair rates against hand-worked cases and the definition.
#include "sim/flow_network.h"

#include <catch2/catch.hpp>
#include <random>

using namespace terrace;

namespace {

FlowSpec flow(double amount, std::initializer_list<Hop> hops,
              double max_rate = std::numeric_limits<double>::infinity()) {
  FlowSpec spec;
  spec.amount = amount;
  spec.max_rate = max_rate;
  for (const Hop& h : hops) spec.add_hop(h.resource, h.weight);
  return spec;
}

}  // namespace

TEST_CASE("one flow takes the whole of its narrowest resource") {
  FlowNetwork net({100, 40, 70});
  net.start(Time(), flow(400, {{0}, {1}, {2}}), 0, 7);
  net.settle(Time());
  const Time end = Time::at_least(Seconds(400.0 / 40));
  CHECK(net.next_end() == end);
  std::vector<FlowNetwork::Ended> ended;
  net.take_ended(end, ended);
  REQUIRE(ended.size() == 1);
  CHECK(ended[0].tag == 7);
  CHECK(ended[0].bottleneck == 1);
}

TEST_CASE("two flows on one link get half each, and the whole once the other has ended") {
  FlowNetwork net({100});
  net.start(Time(), flow(100, {{0}}), 0, 1);
  net.start(Time(), flow(300, {{0}}), 1, 2);
  net.settle(Time());
  CHECK(net.next_end() == Time::at_least(Seconds(2)));  // 100 at 50/s
  std::vector<FlowNetwork::Ended> ended;
  net.take_ended(Time::at_least(Seconds(2)), ended);
  net.settle(Time::at_least(Seconds(2)));
  CHECK(net.next_end() == Time::at_least(Seconds(4)));  // 200 left at 100/s
}

TEST_CASE(
    "a flow held back elsewhere leaves its share to the others") {  // the textbook three-flow case
  FlowNetwork net({10, 4});
  const FlowId a = net.start(Time(), flow(1e3, {{0}, {1}}), 0, 0);
  const FlowId b = net.start(Time(), flow(1e3, {{1}}), 0, 1);
  const FlowId c = net.start(Time(), flow(1e3, {{0}}), 0, 2);
  net.settle(Time());
  CHECK(net.rate(a) == Approx(2));
  CHECK(net.rate(b) == Approx(2));
  CHECK(net.rate(c) == Approx(8));
}

TEST_CASE("an inefficient pattern uses device time: weight 4 leaves a quarter of the rate") {
  FlowNetwork net({100});
  const FlowId a = net.start(Time(), flow(1e3, {{0, 4}}), 0, 0);
  net.settle(Time());
  CHECK(net.rate(a) == Approx(25));
  CHECK(net.load(0) == Approx(100));
}

TEST_CASE("a flow's own limit binds before the resource does") {
  FlowNetwork net({100});
  const FlowId a = net.start(Time(), flow(1e3, {{0}}, 10), 0, 0);
  const FlowId b = net.start(Time(), flow(1e3, {{0}}), 0, 1);
  net.settle(Time());
  CHECK(net.rate(a) == Approx(10));
  CHECK(net.rate(b) == Approx(90));
}

TEST_CASE(
    "random networks: nothing above capacity, and every flow is stopped by a full resource or its "
    "own limit") {
  std::mt19937_64 random(1);
  const auto upto = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  for (int round = 0; round < 300; ++round) {
    std::vector<double> capacity(1 + upto(8));
    for (double& c : capacity) c = 1.0 + static_cast<double>(upto(100));
    FlowNetwork net(capacity);
    std::vector<FlowId> ids;
    std::vector<FlowSpec> specs;
    const std::size_t flows = 1 + upto(12);
    for (std::size_t f = 0; f < flows; ++f) {
      FlowSpec spec = flow(1e3, {}, upto(3) == 0 ? 1.0 + static_cast<double>(upto(20)) : 1e9);
      const std::size_t hops = 1 + upto(4);
      for (std::size_t h = 0; h < hops; ++h)
        spec.add_hop(static_cast<ResourceId>(upto(capacity.size())),
                     0.5 + static_cast<double>(upto(4)));
      specs.push_back(spec);
      ids.push_back(net.start(Time(), spec, 0, static_cast<std::int64_t>(f)));
    }
    net.settle(Time());
    for (std::size_t r = 0; r < capacity.size(); ++r)
      REQUIRE(net.load(static_cast<ResourceId>(r)) <= capacity[r] * (1 + 1e-9));
    for (std::size_t f = 0; f < flows; ++f) {
      bool stopped = net.rate(ids[f]) >= specs[f].max_rate * (1 - 1e-9);
      for (const Hop& h : specs[f].hops) {
        if (net.load(h.resource) < capacity[static_cast<std::size_t>(h.resource)] * (1 - 1e-9))
          continue;
        bool largest = true;  // max–min: on a full resource no other flow may be faster than a
                              // stopped one… unless capped
        for (std::size_t g = 0; g < flows; ++g)
          for (const Hop& o : specs[g].hops)
            if (o.resource == h.resource && net.rate(ids[g]) > net.rate(ids[f]) * (1 + 1e-9))
              largest = false;
        stopped = stopped || largest;
      }
      REQUIRE(stopped);
    }
  }
}

TEST_CASE("owners disturb each other only where they share a resource") {
  FlowNetwork net({10, 10});
  net.start(Time(), flow(10, {{0}}), 0, 0);
  net.start(Time(), flow(10, {{1}}), 1, 1);
  CHECK_FALSE(net.disturbed(0));
  CHECK_FALSE(net.disturbed(1));
  net.start(Time(), flow(10, {{1}}), 2, 2);
  CHECK_FALSE(net.disturbed(0));
  CHECK(net.disturbed(1));
  CHECK(net.disturbed(2));
}
