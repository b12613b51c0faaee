// Bandwidth and latency of DRAM against Ramulator 2.1 (Luo et al., IEEE CAL 2023) and DRAMSys 5.1
// (Steiner et al., IJPP 2022), run with the same pattern, mapping, scheduler and queue depth: 2 M
// requests, all-bank refresh. State: none; each row drives a device of its own.
#include <fmt/format.h>

#include "validate/comparison.h"
#include "validate/device/dram_drive.h"

namespace terrace::validate {
namespace {

const std::string fields = "mapping: {kind: field_order, order: RoBaRaCoCh}";
const std::string deep = "scheduler: row_hit_first, read_queue: 128, write_queue: 64";
const std::string hbm2 = "{kind: dram, standard: dram/hbm2.yaml, mapping: mop, scheduler: frfcfs}";

std::string hbm3(const std::string& with) {
  return "{extends: dram/hbm3_channel.yaml" + (with.empty() ? "" : ", " + with) + "}";
}

struct Cell {
  const char* name;
  BurstPattern pattern;
  double percent, latency;  // of Ramulator 2.1
};

Rows both(const std::string& what, const std::string& yaml, const std::vector<Cell>& cells) {
  Rows rows;
  for (const Cell& cell : cells) {
    const auto d = dram_device(yaml);
    const BurstMeasurement m = drive(*d, cell.pattern, 60000, 6000);
    rows.push_back(points(what + ", " + cell.name, 100 * m.share_of_peak, cell.percent, 3)
                       .at_most(percent_bound(dram_params(yaml), cell.pattern), 0.02));
    rows.push_back(percent(what + ", " + cell.name + ", read latency", m.latency_mean.seconds(),
                           cell.latency * 1e-9, "s", 10));
  }
  return rows;
}

Row share(const std::string& what, const std::string& yaml, const BurstPattern& pattern,
          double reference, std::uint64_t requests = 40000) {
  return points(what, percent_of_peak(*dram_device(yaml), pattern, requests), reference, 3)
      .at_most(percent_bound(dram_params(yaml), pattern), 0.02);
}

Rows gathers() {
  const std::uint64_t runs[] = {32, 64, 128, 256, 512, 1024, 4096};
  const struct {
    const char* name;
    std::string with;
    double percent[7];
  } table[] = {
      {"RoBaRaCoCh, q32", fields, {28.8, 44.9, 44.2, 42.4, 39.7, 35.8, 40.1}},
      {"RoBaRaCoCh, row hits, q128",
       fields + ", " + deep,
       {29.2, 58.6, 82.6, 80.5, 73.9, 64.9, 72.6}},
      {"MOP, q32", "", {28.9, 29.6, 29.6, 46.8, 49.0, 51.5, 55.3}},
      {"MOP, row hits, q128", deep, {29.3, 29.3, 29.3, 59.2, 85.8, 85.7, 87.5}},
  };
  Rows rows;
  for (const auto& line : table)
    for (int i = 0; i < 7; ++i)
      rows.push_back(share(fmt::format("gather of {} B, {}", runs[i], line.name), hbm3(line.with),
                           gather(runs[i]), line.percent[i], 30000));
  return rows;
}

std::vector<Cell> cells(const double (&figures)[4][2]) {
  return {{"stream", stream(), figures[0][0], figures[0][1]},
          {"random", gather(32), figures[1][0], figures[1][1]},
          {"mix stream", stream(2.0 / 3), figures[2][0], figures[2][1]},
          {"mix random", gather(32, 2.0 / 3), figures[3][0], figures[3][1]}};
}

class DramRamulator final : public Comparison {
 public:
  using Params = NoParams;
  DramRamulator(const Params&, const Context&) {}
  std::string about() const override {
    return "One channel saturated with requests of 32 B, in % of its peak; mixes are two reads to "
           "a write. Bound: what refresh, activates, buses and banks leave. Assumed: a queue of "
           "128 holds 128 reads and 64 writes, as that program's does.";
  }
  std::vector<Part> parts() const override {
    const std::string ramulator =
        "Ramulator 2.1 with its preset HBM3 6.4 Gbps, 2 M requests, all-bank refresh (measured)";
    return {
        {"HBM3 field order", ramulator,
         [] {
           return both("HBM3, RoBaRaCoCh, q32", hbm3(fields),
                       cells({{42.0, 62}, {28.9, 103}, {38.7, 92}, {26.5, 147}}));
         }},
        {"HBM3 MOP", ramulator,
         [] {
           return both("HBM3, MOP, q32", hbm3(""),
                       cells({{82.0, 39}, {28.9, 103}, {54.5, 69}, {26.5, 147}}));
         }},
        {"HBM3 row hits first", ramulator,
         [] {
           return both("HBM3, MOP, row hits, q128", hbm3(deep),
                       cells({{88.8, 105}, {29.3, 306}, {67.6, 192}, {28.5, 455}}));
         }},
        {"HBM3 without refresh", ramulator,
         [] {
           const std::string yaml = hbm3(deep + ", refresh: none");
           return Rows{share("HBM3 without refresh, stream", yaml, stream(), 99.5),
                       share("HBM3 without refresh, random", yaml, gather(32), 32.1)};
         }},
        {"chase", ramulator,
         [] {
           BurstPattern chase = gather(32);
           chase.outstanding = 1;
           const auto d = dram_device(hbm3(""));
           return Rows{percent("HBM3, unloaded chase, median",
                               drive(*d, chase, 20000).latency_p50.seconds(), 34.1e-9, "s", 10)};
         }},
        {"HBM2", "Ramulator 2.1 with its preset HBM2 2.0 Gbps (measured)",
         [] {
           return both("HBM2, MOP, q32", hbm2,
                       {{"stream", stream(), 87.1, 52}, {"random", gather(32), 30.1, 136}});
         }},
        {"HBM2 DRAMSys", "DRAMSys 5.1, HBM2, all-bank refresh (measured)",
         [] { return Rows{share("HBM2, stream, against DRAMSys", hbm2, stream(), 87.05)}; }},
        {"gathers", ramulator, gathers},
        {"stack", ramulator,
         [] {
           const std::string stack = hbm3("channels: 16");
           return Rows{
               share("16 channels of HBM3, stream", stack, stream(), 81.8, 200000),
               share("16 channels of HBM3, mix stream", stack, stream(2.0 / 3), 54.2, 200000),
               // Uniform addresses fill sixteen queues unevenly; one full queue holds up the rest.
               share("16 channels of HBM3, random", stack, gather(32), 28.7, 150000)};
         }},
        {"per-bank refresh",
         "Ramulator 2.1, HBM3 stream at the same refresh count once a pending REFpb blocks no "
         "other bank (measured); DRAMSys 5.1 too gains by per-bank refresh",
         [] {
           return Rows{share("HBM3, stream with all-bank refresh", hbm3(deep), stream(), 88.8),
                       share("HBM3, stream with per-bank refresh",
                             hbm3(deep + ", refresh: per_bank"), stream(), 99.3)};
         }},
    };
  }
};
TERRACE_REGISTER(Comparison, DramRamulator, "dram_ramulator",
                 "HBM3 and HBM2 channels against cycle simulators");

}  // namespace
}  // namespace terrace::validate
