// Copies over one and more hops against their formula.
#include <catch2/catch.hpp>

#include "models/link/duplex.h"
#include "tests/models/parts.h"

using namespace terrace;
using namespace terrace::parts;

namespace {

void link(Machine& machine, DeviceId a, DeviceId b, double rate, double latency) {
  LinkInfo info;
  info.rate = rate;
  info.latency = Seconds(latency);
  add_duplex(machine, {"link", a, b}, info, BytesPerSecond(rate), JoulesPerByte(0));
}

}  // namespace

TEST_CASE("a copy over two hops takes both latencies plus bytes over the narrower hop",
          "[copy_engine][closed_form]") {
  Machine machine;
  const DeviceId a = add_gpu(machine, "a", Seconds(3e-6)), b = add_gpu(machine, "b");
  const DeviceId middle = add(machine, "middle", "switch");
  link(machine, a, middle, 50e9, 2e-6);
  link(machine, middle, b, 20e9, 5e-6);
  const double bytes = 64e6;
  const double expected = 3e-6 + 2e-6 + 5e-6 + bytes / 20e9;
  const double got = run(machine, {copy(machine, "a.copy", "a.hbm", "b.hbm", bytes)});
  INFO("start + latencies + bytes / min(rates) = " << expected << " s, simulated " << got << " s, "
                                                   << percent_off(got, expected) << " % off");
  CHECK(std::abs(percent_off(got, expected)) < 1);
}

TEST_CASE("a narrow switch fabric is shared by all that passes", "[copy_engine][closed_form]") {
  Machine machine;
  const DeviceId middle = add(machine, "middle", "{kind: switch, fabric: 30GB/s}");
  for (const char* name : {"a", "b", "c", "d"})
    link(machine, add_gpu(machine, name), middle, 50e9, 0);
  const double bytes = 30e9;
  const double expected = 2 * bytes / 30e9;
  const double got = run(machine, {copy(machine, "a.copy", "a.hbm", "b.hbm", bytes),
                                   copy(machine, "c.copy", "c.hbm", "d.hbm", bytes)});
  INFO("2 x bytes / fabric = " << expected << " s, simulated " << got << " s");
  CHECK(std::abs(percent_off(got, expected)) < 1);
}

TEST_CASE("a copy within one memory reads and writes it", "[copy_engine][closed_form]") {
  Machine machine;
  add_gpu(machine, "a");
  const double expected = 2 * 3e9 / 3e12;
  const double got = run(machine, {copy(machine, "a.copy", "a.hbm", "a.hbm", 3e9)});
  INFO("2 x bytes / rate = " << expected << " s, simulated " << got << " s");
  CHECK(std::abs(percent_off(got, expected)) < 1);
}

TEST_CASE("a copy engine refuses what is no copy", "[copy_engine]") {
  Machine machine;
  add_gpu(machine, "a");
  OpPlan plan;
  Op op = copy(machine, "a.copy", "a.hbm", "a.hbm", 100);
  op.kind = OpKind::gemm;
  CHECK_THROWS_AS(CopyEngine(Seconds(0)).plan(op, machine, plan), std::logic_error);
  op.kind = OpKind::copy;
  op.accesses[1].bytes = 50;
  CHECK_THROWS_AS(CopyEngine(Seconds(0)).plan(op, machine, plan), std::logic_error);
  op.accesses.pop_back();
  CHECK_THROWS_AS(CopyEngine(Seconds(0)).plan(op, machine, plan), std::logic_error);
}

TEST_CASE("links between the same devices keep their names apart", "[link]") {
  Machine machine;
  const DeviceId a = add_gpu(machine, "a"), b = add_gpu(machine, "b");
  link(machine, a, b, 1e9, 0);
  link(machine, b, a, 1e9, 0);
  const auto name = [&](ResourceId r) {
    return machine.resources()[static_cast<std::size_t>(r)].name;
  };
  CHECK(name(machine.links()[0].forward) == "a.to_b");
  CHECK(name(machine.links()[0].backward) == "b.to_a");
  CHECK(name(machine.links()[1].forward) == "b.to_a_2");
}
