// An NVMe drive: requests for small runs, bandwidth for long ones, one flash for reads and writes.
#include <catch2/catch.hpp>
#include <cstdio>

#include "tests/models/parts.h"

using namespace terrace;
using namespace terrace::parts;

namespace {

double requests(const std::string& yaml, double bytes, Direction direction = Direction::read) {
  Machine machine;
  add(machine, "ssd", yaml);
  const double peak = machine.resources()[0].capacity;
  return peak / machine.weight(0, direction, bytes) / bytes;
}

const std::string round_drive =
    "{kind: nvme_ssd, capacity: 1TB, read: {bandwidth: 4GB/s, requests: 500000/s, latency: 98us}, "
    "write: {bandwidth: 1GB/s, requests: 100000/s, latency: 20us}, queue_depth: 1, page: 4KiB, "
    "max_request: 128KiB, command: 2us}";

}  // namespace

TEST_CASE("a drive serves min(run / (latency / depth + 1 / requests), bandwidth)",
          "[nvme][closed_form]") {
  CHECK(requests(round_drive, 4096) == Approx(1 / (98e-6 + 2e-6)));
  CHECK(requests(round_drive, 1024) == Approx(1 / (98e-6 + 2e-6)));  // a page is read for it
  CHECK(requests(round_drive, 131072) == Approx(1 / (98e-6 + 2e-6)));
  const std::string deep =
      "{kind: nvme_ssd, read: {bandwidth: 4GB/s, requests: 500000/s, latency: 98us}, queue_depth: "
      "64}";
  CHECK(requests(deep, 131072) * 131072 == Approx(4e9));
  CHECK(requests(deep, 4096) == Approx(1 / (98e-6 / 64 + 2e-6)));
  CHECK(requests(round_drive, 4096, Direction::write) == Approx(1 / (20e-6 + 10e-6)));
  CHECK(requests(round_drive, 131072, Direction::write) == Approx(1e9 / 131072));
  CHECK(requests(deep, 1 << 20) * (1 << 20) == Approx(4e9));  // cut into requests
}

TEST_CASE("random reads of an NM790 agree with measurements at depth 1 and 8",
          "[nvme][published]") {
  // Measured 20.2k and 133k requests/s of 4 KB; the latency of depth 1 is the model's only figure
  // from there.
  const auto at_depth = [](int depth) {
    return requests("{extends: flash/nm790.yaml, queue_depth: " + std::to_string(depth) + "}",
                    4096);
  };
  std::printf("NM790, 4 KB: depth 1 %.1fk of 20.2k (%+.1f %%), depth 8 %.1fk of 133k (%+.1f %%)\n",
              at_depth(1) / 1e3, percent_off(at_depth(1), 20.2e3), at_depth(8) / 1e3,
              percent_off(at_depth(8), 133e3));
  INFO(at_depth(1) << " and " << at_depth(8) << " requests/s");
  CHECK(std::abs(percent_off(at_depth(1), 20.2e3)) < 5);
  CHECK(std::abs(percent_off(at_depth(8), 133e3)) < 10);
}

TEST_CASE("depth raises requests as in a simulator of flash chips", "[nvme][published]") {
  // MQSim, 8 channels, TLC 45-65 us, 4 KB random reads: 18k, 344k and 574k requests/s at depth 1,
  // 32 and 256.
  const std::pair<int, double> points[] = {{1, 18e3}, {32, 344e3}, {256, 574e3}};
  for (const auto& [depth, measured] : points) {
    const double got = requests(
        "{kind: nvme_ssd, read: {bandwidth: 6.56GB/s, requests: 600000/s, latency: 55us}, "
        "queue_depth: " +
            std::to_string(depth) + "}",
        4096);
    std::printf("MQSim, depth %3d: %.0fk of %.0fk (%+.1f %%)\n", depth, got / 1e3, measured / 1e3,
                percent_off(got, measured));
    INFO("depth " << depth << ": " << got << " of " << measured);
    CHECK(std::abs(percent_off(got, measured)) < 20);
  }
}

TEST_CASE("reads and writes share the flash but not the link", "[nvme][closed_form]") {
  Machine machine;
  const DeviceId host = add(machine, "host", "host/xeon_8480.yaml");
  const DeviceId ssd =
      add(machine, "ssd",
          "{kind: nvme_ssd, read: {bandwidth: 6.9GB/s, requests: 900000/s, latency: 80us}, write: "
          "{bandwidth: 4.1GB/s, requests: 200000/s, latency: 20us}, queue_depth: 256}");
  machine.add_engine({"ssd.dma_out", ssd, std::make_unique<CopyEngine>(Seconds(0))});
  join(machine, ssd, host, "link/pcie4_x4.yaml");
  const double bytes = 10e9;
  Op in = copy(machine, "ssd.dma", "host.dram", "ssd.flash", bytes);
  Op out = copy(machine, "ssd.dma_out", "ssd.flash", "host.dram", bytes);
  const double expected = bytes / 6.9e9 + bytes / 4.1e9;  // time on the flash adds up
  const double got = run(machine, {in, out});
  INFO("bytes / read + bytes / write = " << expected << " s, simulated " << got << " s, "
                                         << percent_off(got, expected) << " % off");
  CHECK(std::abs(percent_off(got, expected)) < 1);
}

TEST_CASE("a drive's DMA reads at the drive's rate through the host to a GPU",
          "[nvme][closed_form]") {
  Machine machine;
  const DeviceId gpu = add_gpu(machine, "gpu0"), host = add(machine, "host", "host/xeon_8480.yaml");
  const DeviceId ssd = add(machine, "ssd", "{extends: flash/pm9a3.yaml, queue_depth: 256}");
  join(machine, gpu, host, "link/pcie5_x16.yaml");
  join(machine, ssd, host, "link/pcie4_x4.yaml");
  const double got = 10e9 / run(machine, {copy(machine, "ssd.dma", "ssd.flash", "gpu0.hbm", 10e9)});
  INFO("min(6.9 GB/s, links), simulated " << got / 1e9 << " GB/s");
  CHECK(std::abs(percent_off(got, 6.9e9)) < 1);
}
