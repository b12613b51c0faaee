// Claims about drives: MQSim's runs, write amplification of greedy cleaning, two drives as sold.
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdio>

#include "tests/models/flash/burst_parts.h"

using namespace terrace;
using namespace terrace::parts;

namespace {

// The principal branch of Lambert's W, -1/e < x < 0, by Halley's method.
double lambert(double x) {
  double w = -0.5;
  for (int i = 0; i < 100; ++i) {
    const double e = std::exp(w), f = w * e - x;
    w -= f / (e * (w + 1) - (w + 2) * f / (2 * w + 2));
  }
  return w;
}

// Write amplification of greedy cleaning under uniform random writes, a = physical / logical:
// Np / (Np - X + 1), X = 1/2 - Np / a W(-b exp(-b)), b = a (1 + 1 / (2 Np)), Np pages of a block.
// Desnoyers, Analytic Models of SSD Write Performance, ACM Trans. Storage 10(2), 2014. For large
// Np it is a / (a + W(-a exp(-a))), Xiang and Kurkoski, arXiv 1110.4245.
double greedy(double a, double pages) {
  const double b = a * (1 + 1 / (2 * pages));
  const double x = 0.5 - pages / a * lambert(-b * std::exp(-b));
  return pages / (pages - (x - 1));
}

}  // namespace

TEST_CASE("the closed form of greedy cleaning has its published values", "[flash][published]") {
  // Xiang and Kurkoski: 2.36 for large blocks at 30 % over-provisioning (of the logical space).
  CHECK(greedy(1.3, 1e6) == Approx(2.36).epsilon(0.005));
}

TEST_CASE("one set of parameters gives all of MQSim's rows", "[flash][published]") {
  // Tavakkol et al., FAST 2018, run with 8 channels x 1200 MT/s, TLC 45/55/65 us, 4 planes, 16 KB
  // pages, ideal map, PCIe 2 GB/s x 4. Bounds: depth / mean latency alone, 32 dies / (sense +
  // command), PCIe 8 GB/s x 128/156.
  struct Row {
    const char* name;
    std::uint32_t bytes, depth;
    bool sequential;
    double latency, requests, bound;
  };
  const double service = 55.31e-6, link = 8e9 * 128 / 156;
  const Row rows[] = {{"4 KB random", 4096, 1, false, 55e-6, 18e3, 1 / service},
                      {"4 KB random", 4096, 32, false, 93e-6, 344e3, 32 / service},
                      {"4 KB random", 4096, 256, false, 446e-6, 574e3, 32 / service},
                      {"16 KB random", 16384, 64, false, 160e-6, 400e3, link / 16384},
                      {"128 KB stream", 131072, 32, true, 639e-6, 50e3, link / 131072}};
  for (const Row& r : rows) {
    const auto drive = ssd("flash/ssd_mqsim.yaml");
    const auto m = drive_of(*drive, pattern(r.bytes, r.sequential, r.depth, 1, 64ull << 30),
                            r.depth == 1 ? 4000 : 40000);
    const double got = per_second(m), mean = m.latency_mean.seconds();
    std::printf(
        "MQSim %-13s depth %3u: %5.1f us of %3.0f (%+.1f %%), %5.1fk of %3.0fk (%+.1f %%), "
        "bound %.0fk\n",
        r.name, r.depth, mean * 1e6, r.latency * 1e6, percent_off(mean, r.latency), got / 1e3,
        r.requests / 1e3, percent_off(got, r.requests), r.bound / 1e3);
    INFO(r.name << " at depth " << r.depth << ": " << mean << " s, " << got << " requests/s");
    CHECK(std::abs(percent_off(mean, r.latency)) < 5);
    CHECK(std::abs(percent_off(got, r.requests)) < 5);
    CHECK(got <= r.bound * 1.03);  // reads of equal page number share a sense: above one by one
  }
}

TEST_CASE("write amplification is that of greedy cleaning", "[flash][published]") {
  const double blocks = 512, pages = 128, clean_below = 3;
  for (const bool dynamic : {false, true})
    for (const double spare : {0.07, 0.1, 0.15, 0.2, 0.3}) {
      const auto drive = ssd(
          "{kind: ssd, channels: 2, chips: 1, dies: 1, nand: {planes: 1, blocks_per_plane: 512, "
          "pages_per_block: 128, page: 4KiB, read: [5us], cell: slc, program: [50us], erase: 1ms}, "
          "translation: {unit: 4KiB, clean_below: 3}, precondition: {overwrites: 6}, buffer: "
          "{capacity: 1MB}}",
          {"translation.dynamic=" + std::string(dynamic ? "true" : "false"),
           "translation.over_provisioning=" + std::to_string(spare)});
      BurstPattern p = pattern(4096, false, 64, 0, drive->footprint_limit());
      terrace::drive(*drive, p, 60000, 0);
      // Blocks that cleaning keeps free hold nothing.
      const double a = (blocks - (clean_below - 1)) / (blocks * (1 - spare));
      const double wanted = greedy(a, pages);
      const double got = static_cast<const Ssd&>(*drive).write_amplification();
      std::printf("spare %2.0f %%, %s: write amplification %.3f, closed form %.3f (%+.1f %%)\n",
                  spare * 100, dynamic ? "dynamic" : "static ", got, wanted,
                  percent_off(got, wanted));
      INFO("spare " << spare << ": " << got << ", closed form " << wanted);
      CHECK(std::abs(percent_off(got, wanted)) < 5);
    }
}

TEST_CASE("a PM9A3 reads at 6.9 and writes at 4.1 GB/s", "[flash][published]") {
  for (const double reads : {1.0, 0.0}) {
    const auto drive = ssd("flash/ssd_pm9a3.yaml");
    const double wanted = reads > 0 ? 6.9e9 : 4.1e9;
    const double got = drive_rate(*drive, pattern(131072, true, 64, reads, 16ull << 30), 8000);
    std::printf("PM9A3 %s: %.2f of %.1f GB/s (%+.1f %%)\n", reads > 0 ? "reads" : "writes",
                got / 1e9, wanted / 1e9, percent_off(got, wanted));
    CHECK(std::abs(percent_off(got, wanted)) < 5);
  }
}

TEST_CASE("an NM790 reads 20.2k pages a second at depth 1 and 133k at depth 8",
          "[flash][published]") {
  const std::pair<std::uint32_t, double> points[] = {{1, 20.2e3}, {8, 133e3}};
  for (const auto& [depth, wanted] : points) {
    const auto drive = ssd("flash/ssd_nm790.yaml");
    const double got =
        per_second(drive_of(*drive, pattern(4096, false, depth, 1, 64ull << 30), 20000));
    std::printf("NM790 depth %u: %.1fk of %.1fk (%+.1f %%)\n", depth, got / 1e3, wanted / 1e3,
                percent_off(got, wanted));
    CHECK(std::abs(percent_off(got, wanted)) < (depth == 1 ? 5 : 15));  // depth 1 gave the firmware
  }
}
