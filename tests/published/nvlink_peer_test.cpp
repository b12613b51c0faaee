// NVLink between GPUs: copies that were measured. The header of two flits comes from the first
// claim alone; the others follow.
#include <catch2/catch.hpp>
#include <cstdio>

#include "tests/models/link/link_bench.h"

using namespace terrace;
using namespace terrace::parts;

TEST_CASE("a link of 25 GB/s carries about 20 GB/s in packets of 128 B",
          "[nvlink][burst][published]") {
  // NVIDIA/nccl-tests issue 149: effective rate with the payload of kernels; 12 links, 240 GB/s.
  const double got =
      rate_of("{extends: link/nvlink3_burst.yaml, payload: 128B}", 1u << 20, 0, 8, 64);
  std::printf("NVLink 3 kernels: %.1f of 240 GB/s\n", got / 1e9);
  CHECK(std::abs(percent_off(got, 240e9)) < 2);
}

TEST_CASE("H100 copies reach 380 GB/s one way and 749 GB/s both ways over NVLink",
          "[nvlink][burst][published]") {
  // p2pBandwidthLatencyTest on HGX H100: NVIDIA/nccl issue 1264. Bounds: 450 GB/s less headers.
  const double one = rate_of("link/nvlink4_burst.yaml", 4u << 20, 0, 8, 32);
  const double both = rate_of("link/nvlink4_burst.yaml", 4u << 20, 0.5, 16, 64);
  std::printf("NVLink 4 copies: %.1f of 380 GB/s (%+.1f %%), both ways %.1f of 749 (%+.1f %%)\n",
              one / 1e9, percent_off(one, 380e9), both / 1e9, percent_off(both, 749e9));
  CHECK(std::abs(percent_off(one, 380e9)) < 7);
  CHECK(std::abs(percent_off(both, 749e9)) < 5);
}

TEST_CASE("A100 copies reach 518 GB/s both ways over NVLink", "[nvlink][burst][published]") {
  // p2pBandwidthLatencyTest on HGX A100: NVIDIA/nccl-tests issue 100.
  const double both = rate_of("link/nvlink3_burst.yaml", 4u << 20, 0.5, 16, 64);
  std::printf("NVLink 3 copies, both ways %.1f of 518 GB/s (%+.1f %%)\n", both / 1e9,
              percent_off(both, 518e9));
  CHECK(std::abs(percent_off(both, 518e9)) < 5);
}
