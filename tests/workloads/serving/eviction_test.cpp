// What a full tier gives up, by each policy.
#include "workloads/serving/eviction/eviction.h"

#include <catch2/catch.hpp>
#include <memory>
#include <set>

#include "sim/random.h"
#include "sim/registry.h"
#include "workloads/serving/tier_cache.h"

namespace terrace {
namespace {

TierCache cache_of(const std::string& policy, std::int64_t capacity) {
  return TierCache(0, "host.dram", capacity, Choice<Eviction>::of(policy).make({capacity}));
}

// Uses a chunk: a hit, or room is made and it is stored at once. True: a hit.
bool use(TierCache& cache, BlockKey key) {
  if (const TierCache::Entry e = cache.find(key); e != TierCache::absent) {
    cache.touch(e);
    return true;
  }
  std::vector<BlockKey> evicted;
  REQUIRE(cache.make_room(1, evicted));
  cache.stored(cache.insert(key));
  return false;
}

}  // namespace

TEST_CASE("lru gives up what was used longest ago, fifo what came first") {
  for (const auto& [policy, gone] : {std::pair<const char*, BlockKey>{"lru", 2}, {"fifo", 1}}) {
    TierCache cache = cache_of(policy, 3);
    for (BlockKey key : {1, 2, 3, 1, 4}) use(cache, key);
    REQUIRE(cache.size() == 3);
    REQUIRE(cache.find(gone) == TierCache::absent);
    REQUIRE(cache.find(4) != TierCache::absent);
    REQUIRE(cache.evictions() == 1);
  }
}

TEST_CASE("arc keeps what is used again through a scan of what is not; lru does not") {
  const auto hits_of = [](const std::string& policy) {
    TierCache cache = cache_of(policy, 20);
    std::int64_t hits = 0;
    BlockKey scan = 1000;
    for (int round = 0; round < 50; ++round) {
      for (BlockKey key = 1; key <= 8; ++key) hits += use(cache, key);
      for (int i = 0; i < 25; ++i) use(cache, scan++);  // more than fit beside them
    }
    return hits;
  };
  REQUIRE(hits_of("lru") == 0);
  REQUIRE(hits_of("arc") > 49 * 8 * 9 / 10);
}

TEST_CASE("a tier never holds more than its capacity, nor gives up what is being copied") {
  for (const char* policy : {"lru", "fifo", "arc"}) {
    RandomStream random(11, policy);
    TierCache cache = cache_of(policy, 12);
    std::set<BlockKey> pinned;
    for (int i = 0; i < 20000; ++i) {
      const BlockKey key = static_cast<BlockKey>(random.integer(1, 40));
      const TierCache::Entry e = cache.find(key);
      if (e == TierCache::absent) {
        std::vector<BlockKey> evicted;
        const bool room = cache.make_room(1, evicted);
        REQUIRE(room == (pinned.size() < 12));
        for (BlockKey gone : evicted) REQUIRE(pinned.count(gone) == 0);
        if (room) cache.stored(cache.insert(key));
      } else if (pinned.count(key) == 0 && random.integer(0, 3) == 0) {
        cache.begin_load(e);
        pinned.insert(key);
      } else if (pinned.count(key) > 0) {
        cache.end_load(e);
        pinned.erase(key);
      } else {
        cache.touch(e);
      }
      REQUIRE(cache.size() <= 12);
    }
  }
}

TEST_CASE("where too much is pinned no room is made, and nothing is lost in trying") {
  TierCache cache = cache_of("lru", 3);
  for (BlockKey key : {1, 2, 3}) use(cache, key);
  cache.begin_load(cache.find(1));
  cache.begin_load(cache.find(2));
  std::vector<BlockKey> evicted;
  REQUIRE_FALSE(cache.make_room(2, evicted));
  REQUIRE(evicted.empty());
  REQUIRE(cache.size() == 3);
  REQUIRE(cache.make_room(1, evicted));
  REQUIRE(evicted == std::vector<BlockKey>{3});
}

}  // namespace terrace
