// PCIe against its arithmetic and against measured copies.
#include <catch2/catch.hpp>
#include <cstdio>

#include "tests/models/parts.h"

using namespace terrace;
using namespace terrace::parts;

namespace {

struct Pair {  // a GPU on a host
  Machine machine;
  DeviceId gpu, host;
  explicit Pair(const std::string& link, Seconds copy_start = Seconds(0)) {
    gpu = add_gpu(machine, "gpu0", copy_start);
    host = add(machine, "host", "host/xeon_8480.yaml");
    join(machine, gpu, host, link);
  }
  const LinkInfo& link() const { return machine.links()[0]; }
};

}  // namespace

TEST_CASE("PCIe x16 has the raw rate of its generation", "[pcie]") {
  // GT/s x 16 lanes x encoding / 8: the published 15.75, 31.5, 63.0 and about 121 GB/s.
  const std::pair<const char*, double> raw[] = {{"link/pcie3_x16.yaml", 15.75e9},
                                                {"link/pcie4_x16.yaml", 31.5e9},
                                                {"link/pcie5_x16.yaml", 63.0e9},
                                                {"link/pcie6_x16.yaml", 121e9}};
  for (const auto& [file, rate] : raw) {
    const Pair pair(file);
    const double got =
        pair.machine.resources()[static_cast<std::size_t>(pair.link().forward)].capacity;
    INFO(file << ": " << got << " B/s, " << percent_off(got, rate) << " % off " << rate);
    CHECK(std::abs(percent_off(got, rate)) < 0.1);
  }
}

TEST_CASE("packet headers take 24 bytes from every PCIe packet", "[pcie]") {
  for (const double payload : {128.0, 256.0, 512.0}) {
    const Pair pair("{kind: pcie, link_management: 0, max_payload: " +
                    std::to_string(static_cast<int>(payload)) + "B}");
    const double share = payload / (payload + 24);  // 84.2, 91.4 and 95.5 %
    const double got =
        1 / pair.link().cost(Direction::read, std::numeric_limits<double>::infinity());
    INFO("payload / (payload + 24) = " << share << ", model " << got);
    CHECK(got == Approx(share).epsilon(1e-9));
    CHECK(pair.link().cost(Direction::read, 64) == Approx((64 + 24) / 64.0).epsilon(1e-9));
  }
}

TEST_CASE("a copy over PCIe takes latency plus bytes over the link's rate", "[pcie][closed_form]") {
  const Pair pair("{kind: pcie, latency: 500ns}");
  const double bytes = 1e9;
  const double rate = 16 * 32e9 * 128 / 130 / 8 * 256 / 280 * 0.975;
  const double expected = 500e-9 + 130e-9 + bytes / rate;  // link, DRAM write, stream
  const double got =
      run(pair.machine, {copy(pair.machine, "gpu0.copy", "gpu0.hbm", "host.dram", bytes)});
  INFO("latency + bytes / rate = " << expected << " s, simulated " << got << " s, "
                                   << percent_off(got, expected) << " % off");
  CHECK(std::abs(percent_off(got, expected)) < 1);
}

TEST_CASE("PCIe 5 copies agree with an H200 NVL from 4 KB to 64 MB", "[pcie][published]") {
  // Pipelined copies, GB/s, device to host and host to device; the link's packets are fitted on the
  // 4 KB and 64 KB points.
  struct Point {
    double bytes, d2h, h2d;
  };
  const Point points[] = {{4096, 1.50, 1.45},    {65536, 20.7, 18.5},    {1048576, 48.8, 49.0},
                          {4194304, 54.0, 50.6}, {16777216, 55.9, 56.7}, {67108864, 56.2, 53.5}};
  const Pair pair("link/pcie5_x16.yaml");
  for (const Point& p : points) {
    const double pieces = 1000;
    const auto rate = [&](const char* from, const char* to) {
      const double seconds =
          run(pair.machine, {copy(pair.machine, "gpu0.copy", from, to, p.bytes * pieces, pieces)});
      return p.bytes * pieces / seconds / 1e9;
    };
    const double out = rate("gpu0.hbm", "host.dram"), in = rate("host.dram", "gpu0.hbm");
    std::printf(
        "PCIe 5 x16, %8.0f B: D2H %6.2f of %6.2f GB/s (%+5.1f %%), H2D %6.2f of %6.2f (%+5.1f "
        "%%)\n",
        p.bytes, out, p.d2h, percent_off(out, p.d2h), in, p.h2d, percent_off(in, p.h2d));
    INFO(p.bytes << " B: D2H " << out << " of " << p.d2h << ", H2D " << in << " of " << p.h2d);
    CHECK(std::abs(percent_off(out, p.d2h)) < (p.bytes > 1048576 ? 5 : 10));
    CHECK(std::abs(percent_off(in, p.h2d)) < 10);
  }
}

TEST_CASE("what a kernel loads over PCIe pays a header a line, not a copy a piece", "[pcie]") {
  const Pair pair("link/pcie4_x16.yaml");
  const auto rate = [&](double run, Mover mover) {
    const Machine& m = pair.machine;
    return m
        .transfer({pair.host, m.find_tier("host.dram")}, {pair.gpu, none}, run, run, none, nullptr,
                  mover)
        .max_rate;
  };
  // A completion's header and framing, and beside it an Ack and an UpdateFC for the request.
  const double raw = 16 * 16e9 * 128 / 130 / 8 * 370 / 371;
  for (const double run : {64.0, 128.0, 1024.0, 65536.0}) {
    const double line = std::min(run, 128.0), expected = raw * line / (line + 20 + 16);
    INFO(run << " B: " << rate(run, Mover::loads) << " of " << expected);
    CHECK(rate(run, Mover::loads) == Approx(expected).epsilon(0.015));
  }
  // A copy takes microseconds: it wins from half a megabyte or so, as its packets are longer.
  CHECK(rate(1024, Mover::copies) < rate(1024, Mover::loads) / 50);
  CHECK(rate(16777216, Mover::copies) > rate(16777216, Mover::loads));
}

TEST_CASE("single PCIe 5 copies agree with an H200 NVL once the host's call is added",
          "[pcie][published]") {
  // Median of one synchronous copy; the call's cost is taken from the 4 KB point.
  const std::pair<double, double> points[] = {
      {4096, 11.5e-6}, {65536, 12.5e-6}, {1048576, 30.5e-6}, {16777216, 307.5e-6}};
  const Pair bare("link/pcie5_x16.yaml");
  const double call =
      11.5e-6 - run(bare.machine, {copy(bare.machine, "gpu0.copy", "gpu0.hbm", "host.dram", 4096)});
  const Pair pair("link/pcie5_x16.yaml", Seconds(call));
  for (const auto& [bytes, measured] : points) {
    const double got =
        run(pair.machine, {copy(pair.machine, "gpu0.copy", "gpu0.hbm", "host.dram", bytes)});
    std::printf("PCIe 5 x16, one copy of %8.0f B: %6.1f of %6.1f us (%+5.1f %%), call %.1f us\n",
                bytes, got * 1e6, measured * 1e6, percent_off(got, measured), call * 1e6);
    INFO(bytes << " B: " << got << " of " << measured << " s");
    CHECK(std::abs(percent_off(got, measured)) < 5);
  }
}

TEST_CASE("a copy in and a copy out do not slow each other on PCIe", "[pcie]") {
  Machine machine;
  const DeviceId gpu = add_gpu(machine, "gpu0");
  machine.add_engine({"gpu0.copy_in", gpu, std::make_unique<CopyEngine>(Seconds(0))});
  join(machine, gpu, add(machine, "host", "host/xeon_8480.yaml"), "link/pcie5_x16.yaml");
  const Op out = copy(machine, "gpu0.copy", "gpu0.hbm", "host.dram", 1e9);
  const Op in = copy(machine, "gpu0.copy_in", "host.dram", "gpu0.hbm", 1e9);
  CHECK(run(machine, {out, in}) == Approx(run(machine, {out})).epsilon(1e-6));
}
