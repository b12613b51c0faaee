// RoCE v2 on 100 Gbit/s Ethernet: writes that were measured, J. Synchrotron Rad. 27 (2020) 1297.
// State: none.
#include <fmt/format.h>

#include "validate/comparison.h"
#include "validate/device/link_drive.h"

namespace terrace::validate {
namespace {

Rows writes() {
  const std::pair<int, double> frames[] = {{2048, 95.2}, {4096, 97.5}};
  Rows rows;
  for (const auto& [mtu, measured] : frames) {
    const double got = rate_of(fmt::format("{{extends: link/roce_100g_burst.yaml, mtu: {}B}}", mtu),
                               1u << 20, 0, 4, 16);
    rows.push_back(percent(fmt::format("writes in frames of {} B", mtu), got * 8 / 1e9, measured,
                           "Gbit/s", 1.5)
                       .at_most(100.0 * mtu / (mtu + 82), 0.0001));
  }
  return rows;
}

class EthernetRoce final : public Comparison {
 public:
  using Params = NoParams;
  EthernetRoce(const Params&, const Context&) {}
  std::string about() const override {
    return "Writes of 1 MiB over RoCE v2 on 100 Gbit/s Ethernet. Bound: a frame's payload over the "
           "frame with its headers, preamble and gap, 82 B.";
  }
  std::vector<Part> parts() const override {
    return {{"writes", "J. Synchrotron Rad. 27 (2020) 1297, doi 10.1107/S1600577520008140, table 2",
             writes}};
  }
};
TERRACE_REGISTER(Comparison, EthernetRoce, "ethernet_roce", "RoCE writes by frame size");

}  // namespace
}  // namespace terrace::validate
