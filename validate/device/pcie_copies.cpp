// PCIe 5 copies of an H200 NVL, packet by packet: measured copies in both directions. State: none;
// each row drives a link of its own.
#include "results/human.h"
#include "validate/comparison.h"
#include "validate/device/link_drive.h"

namespace terrace::validate {
namespace {

const char* const config = "link/pcie5_x16_burst.yaml";

Rows pipelined() {
  // GB/s, device to host and host to device. 4 KB gave the issue time and 64 KB the engine's time,
  // one value each for both directions; all else is framing. Bound: 63.0 GB/s less headers.
  const struct {
    std::uint32_t bytes;
    double out, in;
  } sizes[] = {{4096, 1.50, 1.45},    {65536, 20.7, 18.5},    {1048576, 48.8, 49.0},
               {4194304, 54.0, 50.6}, {16777216, 55.9, 56.7}, {67108864, 56.2, 53.5}};
  const double raw = 16 * 32e9 * 128 / 130 / 8 * 370 / 371;
  const double out_bound = raw * 256 / 280, in_bound = raw * 512 / (2 * 276 + 16);
  Rows rows;
  for (const auto& r : sizes) {
    const std::uint32_t transfers = r.bytes < 1u << 20 ? 100 : 16;
    const std::string size = human(r.bytes, "B");
    rows.push_back(percent("D2H, pipelined, " + size, rate_of(config, r.bytes, 0, 8, transfers),
                           r.out * 1e9, "B/s", 10)
                       .at_most(out_bound));
    rows.push_back(percent("H2D, pipelined, " + size, rate_of(config, r.bytes, 1, 8, transfers),
                           r.in * 1e9, "B/s", 10)
                       .at_most(in_bound));
  }
  return rows;
}

Rows single() {
  // Median of one copy that the host waits for; 4 KB gave the cost of waiting. 16 MB: 305-310 us.
  const std::pair<std::uint32_t, double> sizes[] = {
      {4096, 11.5e-6}, {65536, 12.5e-6}, {1048576, 30.5e-6}, {16777216, 307.5e-6}};
  Rows rows;
  for (const auto& [bytes, measured] : sizes) {
    const std::string size = human(bytes, "B");
    rows.push_back(percent("D2H, one copy of " + size, seconds_of(config, bytes, Direction::write),
                           measured, "s", 10));
    rows.push_back(percent("H2D, one copy of " + size, seconds_of(config, bytes, Direction::read),
                           measured, "s", 10));
  }
  return rows;
}

class PcieCopies final : public Comparison {
 public:
  using Params = NoParams;
  PcieCopies(const Params&, const Context&) {}
  std::string about() const override {
    return "Copies between an H200 NVL and its host over PCIe 5 x16, one parameter set for both "
           "directions, fitted on 4 KiB (cost of issue and of waiting) and 64 KiB (cost of the "
           "copy engine). Bound: the raw rate less headers.";
  }
  std::vector<Part> parts() const override {
    const std::string source = "H200 NVL, PCIe Gen5 x16, measured D2H and H2D copies";
    return {{"pipelined", source + ", eight in flight", pipelined},
            {"single", source + ", median of one at a time", single}};
  }
};
TERRACE_REGISTER(Comparison, PcieCopies, "pcie_copies", "PCIe 5 copies of an H200 NVL by size");

}  // namespace
}  // namespace terrace::validate
