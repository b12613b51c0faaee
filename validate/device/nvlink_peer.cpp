// NVLink between GPUs: copies that were measured. The header of two flits comes from the first
// claim alone; the others follow. State: none.
#include "validate/comparison.h"
#include "validate/device/link_drive.h"

namespace terrace::validate {
namespace {

class NvlinkPeer final : public Comparison {
 public:
  using Params = NoParams;
  NvlinkPeer(const Params&, const Context&) {}
  std::string about() const override {
    return "Copies between two GPUs over NVLink 3 (12 links of 25 GB/s) and NVLink 4 (18). The "
           "header was taken from the kernels' rate. Bound: the raw rate of the links.";
  }
  std::vector<Part> parts() const override {
    return {
        {"NVLink 3 kernels",
         "NVIDIA/nccl-tests issue 149: a link of 25 GB/s carries about 20 GB/s of 128 B packets",
         [] {
           return Rows{percent("NVLink 3, kernels, 12 links",
                               rate_of("{extends: link/nvlink3_burst.yaml, payload: 128B}",
                                       1u << 20, 0, 8, 64),
                               240e9, "B/s", 2)
                           .at_most(300e9)};
         }},
        {"H100", "p2pBandwidthLatencyTest on HGX H100: NVIDIA/nccl issue 1264",
         [] {
           const char* const file = "link/nvlink4_burst.yaml";
           return Rows{percent("NVLink 4, copies one way", rate_of(file, 4u << 20, 0, 8, 32), 380e9,
                               "B/s", 7)
                           .at_most(450e9),
                       percent("NVLink 4, copies both ways", rate_of(file, 4u << 20, 0.5, 16, 64),
                               749e9, "B/s", 5)
                           .at_most(900e9)};
         }},
        {"A100", "p2pBandwidthLatencyTest on HGX A100: NVIDIA/nccl-tests issue 100",
         [] {
           return Rows{percent("NVLink 3, copies both ways",
                               rate_of("link/nvlink3_burst.yaml", 4u << 20, 0.5, 16, 64), 518e9,
                               "B/s", 5)
                           .at_most(600e9)};
         }},
    };
  }
};
TERRACE_REGISTER(Comparison, NvlinkPeer, "nvlink_peer", "NVLink copies between GPUs");

}  // namespace
}  // namespace terrace::validate
