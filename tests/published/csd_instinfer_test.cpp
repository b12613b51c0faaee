// Claims about computational drives: InstInfer (arXiv 2409.04992) and HILOS's SmartSSD.
#include <catch2/catch.hpp>
#include <cstdio>

#include "tests/models/flash/burst_parts.h"

using namespace terrace;
using namespace terrace::parts;

namespace {

void tell(const char* what, double got, double bound, double claim) {
  std::printf("InstInfer %s: %.2f GB/s, bound %.2f, claimed %.1f (%+.1f %%)\n", what, got / 1e9,
              bound / 1e9, claim / 1e9, percent_off(got, claim));
}

}  // namespace

TEST_CASE("InstInfer's drive gives 11.2 GB/s inside", "[csd][published]") {
  // Bound: 8 x 1.4 GB/s, less the command cycles of each page: 16 KiB / (16 KiB / 1.4 GB/s + 0.1
  // us).
  const double bound = 8 * 16384 / (16384 / 1.4e9 + 0.1e-6);
  const auto drive = ssd("flash/csd_instinfer_burst.yaml");
  const double got = drive_rate(*drive, pattern(16384, true, 0, 1, 16ull << 30), 40000);
  tell("inside", got, bound, 11.2e9);
  CHECK(got <= bound * 1.001);
  CHECK(got > bound * 0.99);
  CHECK(std::abs(percent_off(got, 11.2e9)) < 2);
}

TEST_CASE("and 7 GB/s outside", "[csd][published]") {
  const double bound = 4 * 1.96923e9 * 0.975 * 256 / 280;  // PCIe 4.0 x4 in packets of 256 B
  const auto drive = ssd("flash/ssd_instinfer.yaml");
  const double got = drive_rate(*drive, pattern(131072, true, 64, 1, 16ull << 30), 8000);
  tell("outside", got, bound, 7e9);
  CHECK(got <= bound * 1.001);
  CHECK(std::abs(percent_off(got, 7e9)) < 2);
}

TEST_CASE("its engine keeps 12.7 GFLOP/s: min(inside, engine / FLOP per byte)",
          "[csd][published]") {
  const double inside = 8 * 16384 / (16384 / 1.4e9 + 0.1e-6);
  for (const double intensity : {1.0, 2.0, 4.0, 8.0}) {
    const auto drive =
        ssd("flash/csd_instinfer_burst.yaml", {"flops_per_byte=" + std::to_string(intensity)});
    const double bound = std::min(inside, 12.7e9 / intensity);
    const double got = drive_rate(*drive, pattern(16384, true, 0, 1, 16ull << 30), 20000);
    std::printf("InstInfer engine, %.0f FLOP/B: %.2f GFLOP/s, bound %.2f\n", intensity,
                got * intensity / 1e9, bound * intensity / 1e9);
    CHECK(std::abs(percent_off(got, bound)) < 1);
  }
}

TEST_CASE("the SmartSSD gives its kernels no more than the host: 3 GB/s", "[csd][published]") {
  Machine machine;
  const DeviceId gpu = add_gpu(machine, "gpu0"), host = add(machine, "host", "host/xeon_8480.yaml");
  const DeviceId csd = add(machine, "csd0", "flash/csd_smartssd.yaml");
  join(machine, gpu, host, "link/pcie5_x16.yaml");
  join(machine, csd, host, "link/pcie4_x4.yaml");
  const double bytes = 10e9;
  Op op;
  op.kind = OpKind::in_storage_attention;
  op.label = "attention";
  op.engine = machine.find_engine("csd0.attention");
  op.format = Format::fp16;
  op.flops = bytes;  // one query a head
  op.reads(machine.find_tier("csd0.flash"), bytes);
  CHECK(std::abs(percent_off(bytes / run(machine, {op}), 3e9)) < 0.1);
  CHECK(std::abs(percent_off(
            bytes / run(machine, {copy(machine, "csd0.dma", "csd0.flash", "gpu0.hbm", bytes)}),
            3e9)) < 0.1);
}
