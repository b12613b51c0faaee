// Drives: MQSim's runs (Tavakkol et al., FAST 2018), write amplification of greedy cleaning, and
// two drives as sold. State: none; each row fills a drive of its own.
#include <fmt/format.h>

#include "validate/comparison.h"
#include "validate/device/flash_drive.h"

namespace terrace::validate {
namespace {

Rows mqsim() {
  // Bounds: depth / mean latency alone, 32 dies / (sense + command), PCIe 8 GB/s x 128/156.
  const double service = 55.31e-6, link = 8e9 * 128 / 156;
  const struct {
    const char* name;
    std::uint32_t bytes, depth;
    bool sequential;
    double latency, requests, bound;
  } runs[] = {{"4 KB random", 4096, 1, false, 55e-6, 18e3, 1 / service},
              {"4 KB random", 4096, 32, false, 93e-6, 344e3, 32 / service},
              {"4 KB random", 4096, 256, false, 446e-6, 574e3, 32 / service},
              {"16 KB random", 16384, 64, false, 160e-6, 400e3, link / 16384},
              {"128 KB stream", 131072, 32, true, 639e-6, 50e3, link / 131072}};
  Rows rows;
  for (const auto& r : runs) {
    const auto drive = ssd("flash/ssd_mqsim.yaml");
    const auto m = drive_of(*drive, pattern(r.bytes, r.sequential, r.depth, 1, 64ull << 30),
                            r.depth == 1 ? 4000 : 40000);
    const std::string what = fmt::format("MQSim, {}, depth {}", r.name, r.depth);
    rows.push_back(percent(what + ", latency", m.latency_mean.seconds(), r.latency, "s", 5));
    // Reads of equal page number share a sense: above one by one.
    rows.push_back(
        percent(what, per_second(m), r.requests, "requests/s", 5).at_most(r.bound, 0.03));
  }
  return rows;
}

Rows write_amplification() {
  const double blocks = 512, pages = 128, clean_below = 3;
  Rows rows;
  for (const bool dynamic : {false, true})
    for (const double spare : {0.07, 0.1, 0.15, 0.2, 0.3}) {
      const auto drive = ssd(
          "{kind: ssd, channels: 2, chips: 1, dies: 1, nand: {planes: 1, blocks_per_plane: 512, "
          "pages_per_block: 128, page: 4KiB, read: [5us], cell: slc, program: [50us], erase: 1ms}, "
          "translation: {unit: 4KiB, clean_below: 3}, precondition: {overwrites: 6}, buffer: "
          "{capacity: 1MB}}",
          {"translation.dynamic=" + std::string(dynamic ? "true" : "false"),
           "translation.over_provisioning=" + std::to_string(spare)});
      terrace::drive(*drive, pattern(4096, false, 64, 0, drive->footprint_limit()), 60000, 0);
      // Blocks that cleaning keeps free hold nothing.
      const double a = (blocks - (clean_below - 1)) / (blocks * (1 - spare));
      rows.push_back(percent(fmt::format("write amplification, {:.0f} % spare, {} map", spare * 100,
                                         dynamic ? "dynamic" : "static"),
                             static_cast<const Ssd&>(*drive).write_amplification(),
                             greedy_cleaning(a, pages), "x", 5));
    }
  return rows;
}

Rows pm9a3() {
  Rows rows;
  for (const double reads : {1.0, 0.0}) {
    const auto drive = ssd("flash/ssd_pm9a3.yaml");
    rows.push_back(percent(reads > 0 ? "PM9A3, sequential reads" : "PM9A3, sequential writes",
                           drive_rate(*drive, pattern(131072, true, 64, reads, 16ull << 30), 8000),
                           reads > 0 ? 6.9e9 : 4.1e9, "B/s", 5));
  }
  return rows;
}

Rows nm790() {
  Rows rows;
  for (const auto& [depth, wanted] : {std::pair<std::uint32_t, double>{1, 20.2e3}, {8, 133e3}}) {
    const auto drive = ssd("flash/ssd_nm790.yaml");
    rows.push_back(
        percent(fmt::format("NM790, 4 KB random reads, depth {}", depth),
                per_second(drive_of(*drive, pattern(4096, false, depth, 1, 64ull << 30), 20000)),
                wanted, "requests/s", depth == 1 ? 5 : 15));
  }
  rows[1].because(
      "one figure, the controller's time, was taken from depth 1; depth 8 follows without another, "
      "and 15 % are asked of it");
  return rows;
}

class FlashDrives final : public Comparison {
 public:
  using Params = NoParams;
  FlashDrives(const Params&, const Context&) {}
  std::string about() const override {
    return "Drives under an fio-like closed loop. One parameter set for all of MQSim's rows; "
           "bound: "
           "its dies, or its link less headers. Assumed for drives as sold: their controllers' "
           "times, taken from the row of depth 1.";
  }
  std::vector<Part> parts() const override {
    return {{"MQSim",
             "MQSim (FAST 2018), 8 channels x 1200 MT/s, TLC 45/55/65 us, 4 planes, 16 KB pages, "
             "ideal map, PCIe 2 GB/s x 4 (measured)",
             mqsim},
            {"write amplification",
             "closed form of greedy cleaning: Desnoyers, ACM Trans. Storage 10(2), 2014",
             write_amplification},
            {"PM9A3", "Samsung PM9A3 as sold: 6.9 and 4.1 GB/s", pm9a3},
            {"NM790", "Lexar NM790 as measured: 20.2k and 133k reads/s", nm790}};
  }
};
TERRACE_REGISTER(Comparison, FlashDrives, "flash_drives",
                 "drives against MQSim, greedy cleaning and data sheets");

}  // namespace
}  // namespace terrace::validate
