// Computational drives: InstInfer (Pan et al., arXiv 2409.04992) and HILOS's SmartSSD. State: none.
#include <fmt/format.h>

#include <algorithm>

#include "validate/comparison.h"
#include "validate/device/flash_drive.h"

namespace terrace::validate {
namespace {

// 8 x 1.4 GB/s, less the command cycles of each page.
const double inside = 8 * 16384 / (16384 / 1.4e9 + 0.1e-6);

Rows rates() {
  const auto csd = ssd("flash/csd_instinfer_burst.yaml");
  const double within = drive_rate(*csd, pattern(16384, true, 0, 1, 16ull << 30), 40000);
  const double link = 4 * 1.96923e9 * 0.975 * 256 / 280;  // PCIe 4.0 x4 in packets of 256 B
  const auto drive = ssd("flash/ssd_instinfer.yaml");
  const double outside = drive_rate(*drive, pattern(131072, true, 64, 1, 16ull << 30), 8000);
  return {percent("InstInfer, inside", within, 11.2e9, "B/s", 2).at_most(inside, 0.001),
          percent("InstInfer, outside", outside, 7e9, "B/s", 2).at_most(link, 0.001)};
}

Rows engine() {
  Rows rows;
  for (const double intensity : {1.0, 2.0, 4.0, 8.0}) {
    const auto drive =
        ssd("flash/csd_instinfer_burst.yaml", {"flops_per_byte=" + std::to_string(intensity)});
    const double bound = std::min(inside, 12.7e9 / intensity);
    const double got = drive_rate(*drive, pattern(16384, true, 0, 1, 16ull << 30), 20000);
    rows.push_back(percent(fmt::format("InstInfer's engine, {:.0f} FLOP/B", intensity),
                           got * intensity, bound * intensity, "FLOP/s", 1));
  }
  return rows;
}

Rows smartssd() {
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
  return {
      percent("SmartSSD, flash to its kernels", bytes / run(machine, {op}), 3e9, "B/s", 0.1),
      percent("SmartSSD, flash to a GPU",
              bytes / run(machine, {copy(machine, "csd0.dma", "csd0.flash", "gpu0.hbm", bytes)}),
              3e9, "B/s", 0.1)};
}

class CsdInstInfer final : public Comparison {
 public:
  using Params = NoParams;
  CsdInstInfer(const Params&, const Context&) {}
  std::string about() const override {
    return "Rates inside and outside of drives that compute, and what their engine keeps of them. "
           "Bound inside: 8 channels of 1.4 GB/s less command cycles; outside: PCIe 4 x4 less "
           "headers; engine: the lesser of its rate and the channels'.";
  }
  std::vector<Part> parts() const override {
    return {{"rates", "InstInfer, arXiv 2409.04992: 11.2 GB/s inside, 7 GB/s outside", rates},
            {"engine",
             "InstInfer, arXiv 2409.04992: 12.7 GFLOP/s; reference: min(inside, engine / FLOP/B)",
             engine},
            {"SmartSSD", "HILOS: the SmartSSD gives its kernels no more than the host, 3 GB/s",
             smartssd}};
  }
};
TERRACE_REGISTER(Comparison, CsdInstInfer, "csd_instinfer",
                 "computational drives: InstInfer and the SmartSSD");

}  // namespace
}  // namespace terrace::validate
