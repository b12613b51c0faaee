// Victima: TLB entries in the L2 cache.
#include <catch2/catch.hpp>

#include "models/sram/tlb.h"
#include "sim/random.h"

using namespace terrace;

TEST_CASE(
    "TLB entries in the L2 cache halve page walks at least, when the footprint is past the TLB",
    "[sram][published]") {
  // Kanellopoulos et al., MICRO 2023: clusters of eight 8-byte entries in 64-B blocks back up a
  // last-level TLB of 1536 entries. Random uses of 512 MiB in 4 KiB pages; a quarter of a 2 MiB
  // cache holds 2^16 entries, of 2^17 pages: walks fall to 1 - 2^16 / 2^17 of what the TLB missed.
  TlbParams p;
  p.page = Bytes(4096);
  p.levels = {TlbLevel(), TlbLevel()};
  p.levels[1].entries = 1536;
  p.levels[1].ways = 12;
  p.walk_cache = 32;
  std::int64_t walks[2] = {0, 0};
  for (const int with : {0, 1}) {
    if (with) {
      p.in_l2 = TlbInL2();
      p.in_l2->capacity = Bytes(512 * 1024.0);
    }
    Tlb tlb(p);
    RandomStream random(1, "pages");
    for (int i = 0; i < 600000; ++i) {
      const auto page = static_cast<std::uint64_t>(random.integer(0, (1 << 17) - 1));
      walks[with] += tlb.translate(page << 12).walked() && i >= 300000;
    }
  }
  const double left = double(walks[1]) / double(walks[0]);
  INFO("walks left: " << left << ", closed form 0.5");
  CHECK(std::abs(left - 0.5) < 0.02);
}
