// Published behaviour of replacement policies.
#include <algorithm>
#include <catch2/catch.hpp>

#include "models/sram/block_cache.h"
#include "sim/random.h"

using namespace terrace;

namespace {
std::size_t misses(const char* policy, std::uint32_t places,
                   const std::vector<std::uint64_t>& trace) {
  BlockCache cache(1, places, Choice<Replacement>::of(policy));
  std::size_t n = 0;
  for (const std::uint64_t b : trace) n += !cache.access(b);
  return n;
}
}  // namespace

TEST_CASE("FIFO faults more with four frames than with three on Belady's sequence",
          "[sram][published]") {
  // Belady, Nelson and Shedler, CACM 12(6), 1969: 9 faults with 3 frames, 10 with 4.
  const std::vector<std::uint64_t> t = {1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5};
  CHECK(misses("fifo", 3, t) == 9);
  CHECK(misses("fifo", 4, t) == 10);
  CHECK(misses("lru", 3, t) == 10);
  CHECK(misses("lru", 4, t) == 8);
}

TEST_CASE("a scan does not drive the working set out of ARC", "[sram][published]") {
  // Megiddo and Modha, FAST 2003: ARC is scan-resistant. A hot set of half the cache, then a scan
  // of ten caches, then the hot set again.
  std::vector<std::uint64_t> warm, scan, hot;
  for (int pass = 0; pass < 4; ++pass)
    for (std::uint64_t b = 0; b < 50; ++b) warm.push_back(b);
  for (std::uint64_t b = 1000; b < 2000; ++b) scan.push_back(b);
  for (std::uint64_t b = 0; b < 50; ++b) hot.push_back(b);
  auto all = warm;
  all.insert(all.end(), scan.begin(), scan.end());
  const std::size_t before_arc = misses("arc", 100, all), before_lru = misses("lru", 100, all);
  all.insert(all.end(), hot.begin(), hot.end());
  CHECK(misses("arc", 100, all) == before_arc);
  CHECK(misses("lru", 100, all) == before_lru + 50);
}

TEST_CASE("quick demotion of one-hit wonders lowers the misses of S3-FIFO below LRU's",
          "[sram][published]") {
  // Yang et al., SOSP 2023: on skewed traces most blocks are used once, and a small queue that they
  // leave by saves room. Zipf 1.0 over 1e5 blocks, a cache of 1000.
  RandomStream random(1, "zipf");
  std::vector<double> up_to;
  double sum = 0;
  for (int i = 1; i <= 100000; ++i) up_to.push_back(sum += 1.0 / i);
  std::vector<std::uint64_t> t;
  for (int i = 0; i < 200000; ++i)
    t.push_back(static_cast<std::uint64_t>(
        std::lower_bound(up_to.begin(), up_to.end() - 1, random.uniform() * sum) - up_to.begin()));
  const std::size_t s3 = misses("s3_fifo", 1000, t), lru = misses("lru", 1000, t);
  INFO("S3-FIFO " << s3 << ", LRU " << lru << " misses");
  CHECK(static_cast<double>(s3) < 0.95 * static_cast<double>(lru));
}
