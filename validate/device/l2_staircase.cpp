// The L2 staircases of published micro-benchmarks, te42kyfo/gpu-benches (github.com): latency of a
// chase and bandwidth of all processors against footprint. State: none; each row walks a cold
// device.
#include <fmt/format.h>

#include "validate/comparison.h"
#include "validate/device/l2_walks.h"

namespace terrace::validate {
namespace {

struct Stair {
  double kib, measured;
};

std::uint64_t bytes(double kib) { return static_cast<std::uint64_t>(kib * 1024) / 128 * 128; }

Rows climb(const std::string& gpu, const std::string& file, double megahertz,
           const std::vector<Stair>& steps) {
  Rows rows;
  for (const Stair& step : steps) {
    const auto d = l2_device(file, "requesters: one_partition");
    rows.push_back(percent(fmt::format("{}, chase in {:.0f} KiB", gpu, step.kib),
                           chase(*d, bytes(step.kib), 3) * megahertz / 1000, step.measured,
                           "cycles", 10));
  }
  return rows;
}

struct Passes {
  int before, measured;
};

Rows read_again(const std::string& gpu, const std::string& file, const std::vector<Stair>& steps,
                const std::function<Passes(double kib)>& passes) {
  Rows rows;
  for (const Stair& step : steps) {
    const auto d = l2_device(file);
    const Passes n = passes(step.kib);
    const double peak = d->peak(Direction::read).value();
    rows.push_back(percent(fmt::format("{}, reads of {:.0f} KiB", gpu, step.kib),
                           stream(*d, bytes(step.kib), n.before, n.measured) * 1e9,
                           step.measured * 1e9, "B/s", 10)
                       .at_most(peak, 0.001));
  }
  return rows;
}

const char* const a100 = "sram/a100_l2.yaml";

class L2Staircase final : public Comparison {
 public:
  using Params = NoParams;
  L2Staircase(const Params&, const Context&) {}
  std::string about() const override {
    return "Latency of one load at a time through a ring in random order, from one partition's "
           "processors, and bandwidth of all processors reading the same array again and again. "
           "Bound: the crossbar's rate.";
  }
  std::vector<Part> parts() const override {
    const std::string latency = "te42kyfo/gpu-benches, gpu-latency",
                      bandwidth = "te42kyfo/gpu-benches, gpu-l2-cache";
    return {
        {"A100 latency", latency,
         [] {
           return climb("A100", a100, 1410,
                        {{2016, 211}, {16482, 211}, {24136, 345.3}, {35343, 424.3}});
         }},
        {"A100 latency, whole stair", latency,
         [] {
           return climb("A100", a100, 1410,
                        {{18132, 211.3},
                         {21941, 289.6},
                         {26551, 377},
                         {29207, 407.5},
                         {32129, 424.5},
                         {38878, 423},
                         {42767, 443.6},
                         {47045, 483.7},
                         {51750, 503.7},
                         {56926, 532.7},
                         {62620, 567.3},
                         {125026, 570.2}});
         },
         true},
        {"A100 bandwidth", bandwidth,
         [] {
           return read_again("A100", a100, {{4096, 5466.9}, {18432, 5435.9}, {63488, 1894.6}},
                             [](double kib) {
                               return Passes{kib > 40000 ? 2 : 4, 1};
                             });
         }},
        {"A100 bandwidth, whole cliff", bandwidth,
         [] {
           return read_again("A100", a100,
                             {{25600, 5376.2},
                              {28160, 5170.5},
                              {30720, 3999.5},
                              {33792, 3621.8},
                              {36864, 3004},
                              {40448, 2462},
                              {44032, 2188},
                              {48128, 2026.5}},
                             [](double) {
                               return Passes{8, 2};
                             });
         },
         true},
        {"V100 latency", latency,
         [] {
           return climb("V100", "sram/v100_l2.yaml", 1380,
                        {{1029, 215}, {6984, 354.5}, {8453, 412.7}, {56926, 437}});
         }},
        {"H100 PCIe latency", latency + "; far: 467 to 485 cycles at 39 to 52 MB",
         [] {
           return climb("H100 PCIe", "sram/h100_l2.yaml", 1755, {{20000, 265}, {40000, 476}});
         }},
        {"L40 bandwidth", bandwidth,
         [] {
           return read_again("L40", "sram/l40s_l2.yaml",
                             {{83456, 5251.3}, {145408, 845.8}, {193024, 845.4}}, [](double) {
                               return Passes{2, 1};
                             });
         },
         true},
    };
  }
};
TERRACE_REGISTER(Comparison, L2Staircase, "l2_staircase",
                 "L2 latency and bandwidth against footprint, measured on GPUs");

}  // namespace
}  // namespace terrace::validate
