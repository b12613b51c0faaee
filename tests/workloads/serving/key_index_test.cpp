// The index of block keys against the standard library's map.
#include "workloads/serving/key_index.h"

#include <catch2/catch.hpp>
#include <unordered_map>

#include "sim/random.h"

namespace terrace {

TEST_CASE("a key index holds what a map holds, after any sequence of insertions and erasures") {
  RandomStream random(7, "keys");
  KeyIndex index;
  std::unordered_map<BlockKey, std::int32_t> map;
  for (int i = 0; i < 200000; ++i) {
    // Few different keys, and many that want the same place.
    const BlockKey key = static_cast<BlockKey>(random.integer(0, 700)) << (i % 3 == 0 ? 32 : 0);
    if (random.integer(0, 2) > 0) {
      index.set(key, i);
      map[key] = i;
    } else {
      REQUIRE(index.erase(key) == (map.erase(key) > 0));
    }
    if (i % 1000 != 0) continue;
    REQUIRE(index.size() == map.size());
    for (const auto& [k, value] : map) REQUIRE(index.find(k) == value);
  }
  REQUIRE(index.find(~BlockKey{0}) == KeyIndex::absent);
}

}  // namespace terrace
