// Replacement policies on sequences that are worked out by hand, and the properties that define
// them.
#include <catch2/catch.hpp>
#include <unordered_map>

#include "models/sram/block_cache.h"
#include "sim/random.h"
#include "tests/models/parts.h"

using namespace terrace;

namespace {

using Trace = std::vector<std::uint64_t>;

BlockCache cache(const std::string& policy, std::uint32_t ways, std::uint32_t sets = 1) {
  return BlockCache(sets, ways, parts::chosen<Replacement>(policy), 1);
}

// '.' for a hit and 'x' for a miss of each letter.
std::string outcome(const std::string& policy, std::uint32_t ways, const std::string& letters) {
  BlockCache c = cache(policy, ways);
  std::string out;
  for (const char letter : letters) out += c.access(static_cast<std::uint64_t>(letter)) ? '.' : 'x';
  return out;
}

Trace random_trace(std::uint64_t seed, std::size_t length, std::int64_t blocks) {
  RandomStream random(seed, "trace");
  Trace t;
  for (std::size_t i = 0; i < length; ++i)
    t.push_back(static_cast<std::uint64_t>(random.uniform() < 0.5 ? random.integer(0, blocks / 4)
                                                                  : random.integer(0, blocks - 1)));
  return t;
}

std::size_t misses(const std::string& policy, std::uint32_t ways, const Trace& trace,
                   std::uint32_t sets = 1) {
  std::vector<std::uint64_t> next(trace.size(), BlockUse::never_again);
  std::unordered_map<std::uint64_t, std::size_t> last;
  for (std::size_t i = trace.size(); i-- > 0;) {
    if (last.count(trace[i])) next[i] = last[trace[i]];
    last[trace[i]] = i;
  }
  BlockCache c = cache(policy, ways, sets);
  std::size_t n = 0;
  for (std::size_t i = 0; i < trace.size(); ++i) n += !c.access(BlockUse{trace[i], next[i]});
  return n;
}

const char* const online[] = {"lru",     "fifo", "second_chance", "not_recently_used",
                              "s3_fifo", "arc",  "one_bit"};

}  // namespace

TEST_CASE("LRU evicts what was not touched for longest", "[sram][replacement]") {
  // abc fill; a touched; d evicts b; b evicts c; a still there; c evicts d.
  CHECK(outcome("lru", 3, "abcadbac") == "xxx.xx.x");
}

TEST_CASE("FIFO evicts what came first, although it was just touched", "[sram][replacement]") {
  // d evicts a; a evicts b; c is still there; b evicts c.
  CHECK(outcome("fifo", 3, "abcadacb") == "xxx.xx.x");
}

TEST_CASE("a second chance spares a block that was used since the hand passed",
          "[sram][replacement]") {
  // d: all bits are set, the hand clears them and takes a. b is used again, so e spares b, takes c.
  CHECK(outcome("second_chance", 3, "abcdbebc") == "xxxx.x.x");
}

TEST_CASE("S3-FIFO sends what is used once out first and readmits it to the main queue",
          "[sram][replacement]") {
  // Small queue of one. a, used twice more, moves to the main queue when e comes; b leaves instead,
  // and comes back from the ghosts into the main queue.
  CHECK(outcome("s3_fifo", 4, "abcdaaaaeab") == "xxxx....x.x");
}

TEST_CASE("ARC keeps blocks used twice while others pass once", "[sram][replacement]") {
  // a and b are used twice; c to h pass through the two places left of the once-used list.
  CHECK(outcome("arc", 4, "aabbcdefghab") == "x.x.xxxxxx..");
  CHECK(outcome("lru", 4, "aabbcdefghab") == "x.x.xxxxxxxx");
}

TEST_CASE("Belady's oracle evicts the farthest next use", "[sram][replacement]") {
  // The example of every textbook: 20 uses on 3 places take 9 misses (FIFO 15, LRU 12).
  const Trace t = {7, 0, 1, 2, 0, 3, 0, 4, 2, 3, 0, 3, 2, 1, 2, 0, 1, 7, 0, 1};
  CHECK(misses("belady", 3, t) == 9);
  CHECK(misses("fifo", 3, t) == 15);
  CHECK(misses("lru", 3, t) == 12);
}

TEST_CASE("no policy misses less than Belady's oracle, in one set or many", "[sram][replacement]") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const Trace t = random_trace(seed, 4000, 200);
    for (const char* policy : online) {
      INFO(policy << " seed " << seed);
      CHECK(misses(policy, 40, t) >= misses("belady", 40, t));
      CHECK(misses(policy, 8, t, 4) >= misses("belady", 8, t, 4));
    }
  }
}

TEST_CASE("LRU is a stack: a larger cache holds all that a smaller one does",
          "[sram][replacement]") {
  BlockCache small = cache("lru", 20), large = cache("lru", 33);
  for (const std::uint64_t b : random_trace(3, 5000, 120)) {
    small.access(b);
    large.access(b);
    bool all = true;
    for (std::uint64_t i = 0; i < 120; ++i) all = all && (!small.holds(i) || large.holds(i));
    REQUIRE(all);
  }
}

TEST_CASE("a set sees only its own blocks, whatever the policy", "[sram][replacement]") {
  for (const char* policy : online) {
    BlockCache both = cache(policy, 4, 2), even = cache(policy, 4), odd = cache(policy, 4);
    if (std::string(policy) == "not_recently_used") continue;  // its coin is shared
    if (std::string(policy) == "one_bit") continue;            // its predictor is shared
    for (const std::uint64_t b : random_trace(5, 3000, 40)) {
      INFO(policy);
      REQUIRE(both.access(b) == (b % 2 ? odd : even).access(b));
    }
  }
}

TEST_CASE("an erased block is gone and its place is filled first", "[sram][replacement]") {
  for (const char* policy : online) {
    for (const std::uint32_t ways : {4u, 100u}) {
      INFO(policy << " " << ways);
      BlockCache c = cache(policy, ways);
      for (std::uint64_t b = 0; b < ways; ++b) c.access(b);
      CHECK(c.erase(2));
      CHECK_FALSE(c.erase(2));
      CHECK_FALSE(c.holds(2));
      std::uint64_t left = 0;
      CHECK_FALSE(c.access(BlockUse{1000}, &left));
      CHECK(left == BlockCache::nobody);
      CHECK(c.size() == ways);
      for (std::uint64_t b = 2000; b < 2300; ++b) c.access(b);
      CHECK(c.size() == ways);
    }
  }
}

TEST_CASE("LRU under independent references hits as Che's approximation says",
          "[sram][replacement]") {
  // Zipf 0.8 over 2000 blocks, 200 places. T solves sum (1 - exp(-p T)) = C; a block is there with
  // probability 1 - exp(-p T). Che, Tung and Wang, IEEE JSAC 20(7), 2002.
  const int blocks = 2000;
  const double places = 200;
  std::vector<double> p(blocks), up_to(blocks);
  double sum = 0;
  for (int i = 0; i < blocks; ++i) sum += p[i] = std::pow(i + 1.0, -0.8);
  for (int i = 0; i < blocks; ++i) up_to[i] = (p[i] /= sum) + (i ? up_to[i - 1] : 0);
  double low = 0, high = 1e6;
  for (int step = 0; step < 60; ++step) {
    const double t = (low + high) / 2;
    double filled = 0;
    for (const double q : p) filled += 1 - std::exp(-q * t);
    (filled < places ? low : high) = t;
  }
  double wanted = 0;
  for (const double q : p) wanted += q * (1 - std::exp(-q * low));
  BlockCache c = cache("lru", 200);
  RandomStream random(1, "irm");
  int hits = 0;
  const int warm = 20000, measured = 200000;
  for (int i = 0; i < warm + measured; ++i) {
    const auto at = std::lower_bound(up_to.begin(), up_to.end() - 1, random.uniform());
    const bool hit = c.access(static_cast<std::uint64_t>(at - up_to.begin()));
    if (i >= warm) hits += hit;
  }
  const double got = double(hits) / measured;
  INFO("hit ratio " << got << ", Che " << wanted << ", off by " << parts::percent_off(got, wanted)
                    << " %");
  CHECK(std::abs(got / wanted - 1) < 0.01);
}

TEST_CASE("a loop of one block more than fits misses always under LRU and FIFO",
          "[sram][replacement]") {
  Trace loop;
  for (int pass = 0; pass < 20; ++pass)
    for (std::uint64_t b = 0; b < 17; ++b) loop.push_back(b);
  CHECK(misses("lru", 16, loop) == loop.size());
  CHECK(misses("fifo", 16, loop) == loop.size());
  // Belady gives up the block just passed, which comes again after 16 uses: one miss in 16.
  CHECK(misses("belady", 16, loop) == 17 + (loop.size() - 17) / 16);
}
