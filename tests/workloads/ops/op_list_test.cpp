// Steps of ops written down: the time of a step is the formula's.
#include <catch2/catch.hpp>

#include "sim/workload.h"
#include "tests/models/parts.h"

using namespace terrace;
using namespace terrace::parts;

namespace {

// A GPU of 3 TB/s of memory, and another behind PCIe that is as fast.
struct Pair {
  Machine machine;
  Pair() {
    const DeviceId a = add_gpu(machine, "a"), b = add_gpu(machine, "b");
    join(machine, a, b, "{kind: pcie, generation: 5, lanes: 16, latency: 0s}");
  }
  std::unique_ptr<Workload> ops(const std::string& list, int steps = 1) {
    return chosen<Workload>("{kind: ops, steps: " + std::to_string(steps) + ", ops: [" + list +
                            "]}")
        .make({machine, 1});
  }
  double seconds(Workload& workload) const {
    Executor executor(machine, {});
    std::vector<Executor::Done> done;
    Time now;
    while (!workload.finished()) {
      if (std::optional<Step> step = workload.next(now)) executor.submit(std::move(*step), now);
      executor.advance(now = executor.next_event(), done);
      for (const Executor::Done& each : done) workload.completed(each.step, now);
      done.clear();
    }
    return now.seconds();
  }
};

const std::string over =
    "{name: over, op: copy, engine: a.copy, reads: [{tier: a.hbm, bytes: 1GB}], writes: [{tier: "
    "b.hbm, bytes: 1GB}]}";
const std::string back =
    "name: back, op: copy, engine: b.copy, reads: [{tier: b.hbm, bytes: 1GB}], writes: [{tier: "
    "a.hbm, bytes: 1GB}]";

}  // namespace

TEST_CASE("steps of one copy take as long as their bytes on the link", "[ops][closed_form]") {
  Pair pair;
  const auto workload = pair.ops(over, 3);
  const double rate = 16 * 32e9 * 128 / 130 / 8 / ((256 + 24) / 256. / (1 - 0.025));
  const double got = pair.seconds(*workload);
  INFO("3 bytes / rate = " << 3 * 1e9 / rate << " s, simulated " << got);
  CHECK(std::abs(percent_off(got, 3 * 1e9 / rate)) < 1e-3);
  Record record;
  workload->report(record, Time::nearest(Seconds(got)));
  REQUIRE(record.find("steps.mean") != nullptr);
  CHECK(record.find("steps.mean")->value == Approx(got / 3));
}

TEST_CASE("ops run side by side unless one is told to wait", "[ops]") {
  Pair pair;
  const double beside = pair.seconds(*pair.ops(over + ", {" + back + "}"));
  const double behind = pair.seconds(*pair.ops(over + ", {" + back + ", after: [over]}"));
  CHECK(behind == Approx(2 * beside));  // the link is full duplex
}
