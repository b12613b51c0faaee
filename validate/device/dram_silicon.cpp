// Bandwidth of GPU memories against measurements: te42kyfo/gpu-benches (github.com), best row of
// each kernel, and a device-to-device copy of an H100 SXM. One controller, one set of parameters
// for each memory generation. State: none.
#include "models/dram/stream_fold.h"
#include "validate/comparison.h"
#include "validate/device/dram_drive.h"

namespace terrace::validate {
namespace {

struct Kernel {
  const char* what;
  const char* file;
  double read_share, measured, points;  // measured: % of peak
};

Row reached(const Kernel& k) {
  const dram::DramParams p = dram_params(k.file);
  BurstPattern blocks = gather(8192 * static_cast<std::uint64_t>(p.channels), k.read_share, false);
  blocks.footprint = std::uint64_t{8} << 30;
  const double got = 100 * dram::fold(p, blocks, std::uint64_t{16} << 30).share_of_peak;
  return points(k.what, got, k.measured, k.points).at_most(percent_bound(p, blocks), 0.02);
}

Rows all(const std::vector<Kernel>& kernels) {
  Rows rows;
  for (const Kernel& k : kernels) rows.push_back(reached(k));
  return rows;
}

class DramSilicon final : public Comparison {
 public:
  using Params = NoParams;
  DramSilicon(const Params&, const Context&) {}
  std::string about() const override {
    return "Kernels over large arrays, in % of the memory's peak: init writes, read reads, copy "
           "and scale do both alike, triad reads two and writes one. A GPU's blocks stream side by "
           "side, so a channel sees runs of some KB at random places; assumed: 8 KB a channel.";
  }
  std::vector<Part> parts() const override {
    const std::string benches = "te42kyfo/gpu-benches, gpu-stream";
    return {
        {"H100 SXM", "device-to-device copy, measured on one machine: about 3.0 of 3.35 TB/s",
         [] {
           return all({{"H100 SXM copy, 88 to 91 %", "dram/h100_sxm_hbm3.yaml", 0.5, 89.5, 1.5}});
         }},
        {"HBM2E", benches,
         [] {
           const char* const file = "dram/a100_80g_hbm2e.yaml";
           return all({{"A100 80 GB init", file, 0, 100 * 1880.0 / 2039, 4},
                       {"A100 80 GB triad", file, 2.0 / 3, 100 * 1759.0 / 2039, 4},
                       {"H100 PCIe init", file, 0, 100 * 2016.0 / 2039, 5},
                       {"H100 PCIe read", file, 1, 100 * 1942.0 / 2039, 5},
                       {"H100 PCIe triad", file, 2.0 / 3, 100 * 1832.0 / 2039, 5}});
         }},
        {"A100 read", benches,
         [] {
           return Rows{
               reached({"A100 80 GB read", "dram/a100_80g_hbm2e.yaml", 1, 100 * 1769.0 / 2039, 4})
                   .because("measured with all threads and still rising in proportion to "
                            "them (1640 GB/s at 100,224 threads, 1769 at 110,592): what "
                            "the A100 has in flight bounds it, not its memory, which "
                            "alone gives more")};
         }},
        {"HBM2", benches,
         [] {
           const char* const file = "dram/v100_hbm2.yaml";
           return all({{"V100 init", file, 0, 100 * 895.0 / 897, 5},
                       {"V100 read", file, 1, 100 * 866.0 / 897, 5},
                       {"V100 scale", file, 0.5, 100 * 804.0 / 897, 5},
                       {"V100 triad", file, 2.0 / 3, 100 * 814.0 / 897, 5}});
         }},
        {"GDDR6", benches,
         [] {
           const char *const a40 = "dram/a40_gddr6.yaml", *const l40 = "dram/l40_gddr6.yaml";
           return all({{"A40 init", a40, 0, 100 * 679.0 / 696, 5},
                       {"A40 read", a40, 1, 100 * 679.0 / 696, 5},
                       {"A40 scale", a40, 0.5, 100 * 658.0 / 696, 5},
                       {"A40 triad", a40, 2.0 / 3, 100 * 663.0 / 696, 5},
                       {"L40 init", l40, 0, 100 * 846.0 / 864, 5},
                       {"L40 read", l40, 1, 100 * 844.0 / 864, 5},
                       {"L40 scale", l40, 0.5, 100 * 816.0 / 864, 5},
                       {"L40 triad", l40, 2.0 / 3, 100 * 803.0 / 864, 5}});
         }},
    };
  }
};
TERRACE_REGISTER(Comparison, DramSilicon, "dram_silicon",
                 "memories of GPUs against measured bandwidths");

}  // namespace
}  // namespace terrace::validate
