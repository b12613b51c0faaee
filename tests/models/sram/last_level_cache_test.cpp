// What stays in a last-level cache.
#include "models/sram/last_level_cache.h"

#include <catch2/catch.hpp>

using namespace terrace;

TEST_CASE("a loop that fits in the cache hits, one byte more misses every line", "[sram]") {
  LastLevelCache l2;
  l2.resident = Bytes(28e6);
  Access a{0, Direction::read, 1e6};
  a.reuse_distance = 28e6;
  CHECK(l2.holds(a));
  a.reuse_distance = 28e6 + 1;
  CHECK_FALSE(l2.holds(a));
}

TEST_CASE("what was never touched misses, however small", "[sram]") {
  const LastLevelCache l2;
  CHECK_FALSE(l2.holds({0, Direction::read, 1}));
}

TEST_CASE("a stretch larger than the cache misses even when read again at once", "[sram]") {
  LastLevelCache l2;
  Access a{0, Direction::read, 2 * l2.resident.value()};
  a.reuse_distance = 0;
  CHECK_FALSE(l2.holds(a));
}
