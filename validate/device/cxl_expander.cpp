// CXL memory expanders that were measured: CXL-DMSim (Wang et al., arXiv 2411.02282) and Micron's
// CZ120. State: none.
#include "validate/comparison.h"
#include "validate/device/link_drive.h"

namespace terrace::validate {
namespace {

const char* const config = "link/cxl2_x8_burst.yaml";

Rows latency() {
  const double sum = 130e-9 + 2 * (12e-9 + 50e-9 + 15e-9);  // without flits and DRAM burst
  return {percent("read of a line", seconds_of(config, 64, Direction::read), 284e-9, "s", 5)
              .at_least(sum)};
}

Rows share() {
  const double local = 31.7e9;                                        // the same DDR without a link
  const double bound = 8 * 32e9 * 128 / 130 / 8 * 64 / 68 * 4 / 4.5;  // slots of a x8 link
  const double got = rate_of(config, 64, 1, 256, 10000);
  return {points("reads, share of local DDR5", 100 * got / local, 82.5, 3)
              .at_most(100 * bound / local, 0.001)};
}

Rows mix() {
  const double slots = 8 * 32e9 * 128 / 130 / 8 / 68 * 4;
  const double bound = 3 * 64 * slots / 9.5;  // back: two lines of 4.5 slots and a response
  const double got =
      rate_of("{extends: link/cxl2_x8_burst.yaml, memory_rate: 69GB/s}", 64, 2 / 3.0, 256, 10000);
  return {percent("two reads to a write, x8", got, 36e9, "B/s", 5)
              .at_most(bound, 0.01)
              .because("assumed: two channels of DDR5-4800 at 90 % behind the link")};
}

class CxlExpander final : public Comparison {
 public:
  using Params = NoParams;
  CxlExpander(const Params&, const Context&) {}
  std::string about() const override {
    return "A CXL expander against local DDR5, which answers in 130 ns and gives 31.7 GB/s. "
           "Bounds: "
           "the sum of the parts a line passes, and the slots of the link's flits.";
  }
  std::vector<Part> parts() const override {
    return {
        {"latency", "CXL-DMSim, arXiv 2411.02282: an ASIC expander, 284 against 130 ns", latency},
        {"bandwidth", "CXL-DMSim, arXiv 2411.02282: 82 to 83 % of local DDR5", share},
        {"mix", "Micron CZ120 product brief: up to 36 GB/s", mix}};
  }
};
TERRACE_REGISTER(Comparison, CxlExpander, "cxl_expander",
                 "CXL expanders against measured latency and bandwidth");

}  // namespace
}  // namespace terrace::validate
